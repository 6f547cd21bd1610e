import type { Policy } from '#settings/module.ts';

/** An authentication method. Values that are stored or on the wire must keep their spelling. */
type Method = {
  /** The channel: two methods of one channel are one factor. A code and a link by mail use one mailbox. */
  channel: 'memory' | 'mailbox' | 'phone' | 'app' | 'paper' | 'key' | 'provider';
  /** RFC 8176; null where the authenticator says it. `fed` is not registered there: Entra ID and others call a federated sign-in so. */
  amr: readonly string[] | null;
  /** Its place among second factors, the strongest first; null for what is none. */
  place: number | null;
  /** A key whose owner was verified by it is two factors at once (WebAuthn user verification). */
  isTwo: boolean;
  /** Its proof says by `mfa` whether it was two factors at once: an upstream provider asked for both, and its connection lets that count. */
  tellsTwo: boolean;
  /** Bound to our origin by the browser. */
  cannotBePhished: boolean;
  /** How a sign-in begins with it; null for what is never the first factor. */
  first: {
    /** Its page below /interaction/:uid/. */
    page: string;
    /** Its name in `signIn.methods`. */
    settings: readonly SignInSetting[];
    /** Which of these is a link that comes by mail. */
    link: SignInSetting | null;
    /** Whether it has to be sent before. */
    isSent: boolean;
  } | null;
  /** How it is asked for as the second factor; null for what never is. */
  second: {
    /** Its page below /interaction/:uid/second-factor/, and the value of its button. */
    page: string;
    /** A key answers the browser, a code is at hand, or is sent before. */
    by: 'key' | 'code' | 'sent code';
    /** Whether the browser may be trusted after it. */
    mayTrust: boolean;
  } | null;
  /** Its name in `registration.methods`, in the registration form and in the event. */
  registration: Policy<'registration'>['methods'][number] | null;
  /** Its name in `mfa.factors`, which allows adding it as a second factor. */
  enrolment: Policy<'mfa'>['factors'][number] | null;
  /** The setting without which it is not used; null for what is always used. */
  setting: string | null;
  /** The credential that a user has of it; null for an address or a number, which users keeps. */
  credential: 'password' | 'passkey' | 'totp' | 'recovery-code' | 'identity' | null;
  /** The states of that credential. */
  states: readonly CredentialState[];
  /** In views/_icons.njk. */
  icon: string;
};
type SignInSetting = Policy<'signIn'>['methods'][number];

const key = {
  channel: 'key',
  amr: null,
  tellsTwo: false,
  cannotBePhished: true,
  second: { page: 'passkey', by: 'key', mayTrust: false },
  enrolment: 'passkey',
  setting: 'passkeys.enabled',
  credential: 'passkey',
  states: ['active', 'stopped', 'model_not_allowed', 'switched_off'],
} as const;
const remembered = { isTwo: false, tellsTwo: false, cannotBePhished: false } as const;

/** Every authentication method. All other code reads the properties of a method here. */
export const methods = {
  password: {
    ...remembered,
    channel: 'memory',
    amr: ['pwd'],
    place: null,
    first: { page: 'password', settings: ['password'], link: null, isSent: false },
    second: null,
    registration: 'password',
    enrolment: null,
    setting: 'signIn.methods',
    credential: 'password',
    states: ['active'],
    icon: 'key',
  },
  passkey: {
    ...key,
    place: 0,
    isTwo: true,
    first: { page: 'passkey', settings: ['passkey'], link: null, isSent: false },
    registration: 'passkey',
    icon: 'passkey',
  },
  /** A key that did not ask for a fingerprint, a face or a PIN. */
  'security-key': { ...key, place: 1, isTwo: false, first: null, registration: null, icon: 'key' },
  totp: {
    ...remembered,
    channel: 'app',
    amr: ['otp'],
    place: 2,
    first: null,
    second: { page: 'totp', by: 'code', mayTrust: true },
    registration: null,
    enrolment: 'totp',
    setting: null,
    credential: 'totp',
    states: ['active'],
    icon: 'phone',
  },
  sms: {
    ...remembered,
    channel: 'phone',
    amr: ['otp', 'sms'],
    place: 3,
    first: { page: 'sms-code', settings: ['smsCode'], link: null, isSent: true },
    second: { page: 'sms', by: 'sent code', mayTrust: true },
    registration: null,
    enrolment: null,
    setting: 'mfa.smsCodes',
    credential: null,
    states: [],
    icon: 'chat',
  },
  email: {
    ...remembered,
    channel: 'mailbox',
    amr: ['otp'],
    place: 4,
    first: { page: 'email-code', settings: ['emailLink', 'emailCode'], link: 'emailLink', isSent: true },
    second: { page: 'email', by: 'sent code', mayTrust: true },
    registration: 'email_code',
    enrolment: null,
    setting: 'mfa.emailCodes',
    credential: null,
    states: [],
    icon: 'mail',
  },
  /** The account at an upstream provider that a user has linked. */
  federation: {
    ...remembered,
    channel: 'provider',
    amr: ['fed'],
    tellsTwo: true,
    place: null,
    first: { page: 'federation', settings: ['federation'], link: null, isSent: false },
    second: null,
    registration: null,
    enrolment: null,
    setting: 'signIn.methods',
    credential: 'identity',
    states: ['active'],
    icon: 'globe',
  },
  'recovery-code': {
    ...remembered,
    channel: 'paper',
    amr: ['otp'],
    place: 5,
    first: null,
    second: { page: 'recovery-code', by: 'code', mayTrust: false },
    registration: null,
    enrolment: null,
    setting: null,
    credential: 'recovery-code',
    states: ['active'],
    icon: 'list',
  },
} as const satisfies Record<string, Method>;

type Table = typeof methods;
/** Authentication methods of users. */
export type Factor = keyof Table;
type Those<Row> = { [F in Factor]: Table[F] extends Row ? F : never }[Factor];
/** A first factor, by its page. */
export type FirstPage = Table[FirstFactor]['first']['page'];
export type FirstFactor = Those<{ first: object }>;
export type SentFirstFactor = Those<{ first: { isSent: true } }>;
export type SentFirstPage = Table[SentFirstFactor]['first']['page'];
/** A second factor, by its page. */
export type SecondPage = Table[SecondFactor]['second']['page'];
type SecondFactor = Those<{ second: object }>;
/** Second factors with a typed code, and the ones whose code must be sent before. */
export type CodeFactor = Those<{ second: { by: 'code' | 'sent code' } }>;
export type SentFactor = Those<{ second: { by: 'sent code' } }>;
/** How users choose it who create an account. */
export type RegistrationMethod = NonNullable<Table[Factor]['registration']>;
/** Methods that can be added as a second factor. */
export type Enrolment = NonNullable<Table[Factor]['enrolment']>;

const factors = Object.keys(methods) as Factor[];
export const firstFactors: readonly FirstFactor[] = factors.filter(
  (factor): factor is FirstFactor => methods[factor].first !== null,
);
export const sentFirstFactors: readonly SentFirstFactor[] = firstFactors.filter(
  (factor): factor is SentFirstFactor => methods[factor].first.isSent,
);
/** Whether the code of this factor must be sent, by email or text message. */
export const isSentFactor = (factor: Factor): factor is SentFactor => methods[factor].second?.by === 'sent code';
export const codeFactors: readonly CodeFactor[] = factors.filter(
  (factor): factor is CodeFactor => isSentFactor(factor) || methods[factor].second?.by === 'code',
);

/** The second factors, the strongest first. */
export const secondFactors: readonly Factor[] = factors
  .filter((name) => methods[name].place !== null)
  .toSorted((a, b) => (methods[a].place ?? 0) - (methods[b].place ?? 0));

/** Whether policy lets sign-ins begin with it. */
export const beginsWith = (factor: FirstFactor, opened: readonly SignInSetting[]): boolean =>
  opened.some((setting) => (methods[factor].first.settings as readonly SignInSetting[]).includes(setting));

/** The proof by a passkey, with or without a fingerprint, a face or a PIN. */
export const factorOfKey = (isUserVerified: boolean): 'passkey' | 'security-key' =>
  isUserVerified ? 'passkey' : 'security-key';

/**
 * The state of a credential that a user has confirmed. Only an active one proves something. The others go on to count as
 * confirmed: what the account demands does not become less because a credential cannot be used now. One that its owner, an
 * operator or a clean-up deleted has no state, and counts no more.
 */
export type CredentialState =
  | 'active'
  /** Its signature counter did not count on: there may be a copy of it. */
  | 'stopped'
  /** Its model is not, or no longer, among those that the instance allows. */
  | 'model_not_allowed'
  /** The instance has switched this method off. */
  | 'switched_off';

/** Passkeys and security keys of a user, by what they can do now. */
export type PasskeyCount = {
  /** Active ones that ask for a fingerprint, a face or a PIN. */
  verifying: number;
  /** Active ones that do not. */
  others: number;
  /** Those that are in any other state. */
  unusable: number;
};
