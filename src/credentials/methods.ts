/** What a user proves to be themselves with. */
export type Factor = 'password' | 'email' | 'sms' | 'totp' | 'recovery-code' | 'passkey' | 'security-key';

type Method = {
  /** What it depends on: two methods of one channel are one factor. A code and a link by mail are one mailbox. */
  channel: 'memory' | 'mailbox' | 'phone' | 'app' | 'paper' | 'key';
  /** RFC 8176; null where the authenticator says it. */
  amr: readonly string[] | null;
  /** Its place among second factors, the strongest first; null for what is none. */
  place: number | null;
  /** A key whose owner was verified by it is two factors at once (WebAuthn user verification). */
  isTwo: boolean;
  /** Bound to our origin by the browser. */
  cannotBePhished: boolean;
  /** The setting without which it is not used; null for what is always used. */
  setting: string | null;
};

/** Every authentication method. What anything else says of one is read from here. */
export const methods = {
  password: method('memory', ['pwd'], null, 'signIn.methods'),
  passkey: { ...method('key', null, 0, 'passkeys.enabled'), isTwo: true, cannotBePhished: true },
  'security-key': { ...method('key', null, 1, 'passkeys.enabled'), cannotBePhished: true },
  totp: method('app', ['otp'], 2, null),
  sms: method('phone', ['otp', 'sms'], 3, 'mfa.smsCodes'),
  email: method('mailbox', ['otp'], 4, 'mfa.emailCodes'),
  'recovery-code': method('paper', ['otp'], 5, null),
} as const satisfies Record<Factor, Method>;

function method<A extends readonly string[] | null>(
  channel: Method['channel'],
  amr: A,
  place: Method['place'],
  setting: Method['setting'],
): Omit<Method, 'amr'> & { amr: A } {
  return { channel, amr, place, setting, isTwo: false, cannotBePhished: false };
}

const names = Object.keys(methods) as Factor[];
/** The second factors, the strongest first. */
export const secondFactors: readonly Factor[] = names
  .filter((name) => methods[name].place !== null)
  .toSorted((a, b) => (methods[a].place ?? 0) - (methods[b].place ?? 0));

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
