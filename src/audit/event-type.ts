import { z } from 'zod';
import type { By } from './by.ts';

/** An event type of OpenID Shared Signals to which one of ours corresponds. A receiver knows it by its URI. */
const of = <Name extends string>(profile: 'caep' | 'risc', name: Name) =>
  `https://schemas.openid.net/secevent/${profile}/event-type/${name}` as const;

/** OpenID Continuous Access Evaluation Profile 1.0, §3. */
export const caep = {
  sessionRevoked: of('caep', 'session-revoked'),
  credentialChange: of('caep', 'credential-change'),
  sessionEstablished: of('caep', 'session-established'),
} as const;

/** OpenID RISC Profile 1.0, §2. */
export const risc = {
  accountCredentialChangeRequired: of('risc', 'account-credential-change-required'),
  accountPurged: of('risc', 'account-purged'),
  accountDisabled: of('risc', 'account-disabled'),
  accountEnabled: of('risc', 'account-enabled'),
  identifierChanged: of('risc', 'identifier-changed'),
  credentialCompromise: of('risc', 'credential-compromise'),
  recoveryActivated: of('risc', 'recovery-activated'),
  recoveryInformationChanged: of('risc', 'recovery-information-changed'),
} as const;

type SharedSignal = (typeof caep)[keyof typeof caep] | (typeof risc)[keyof typeof risc];

/** The audience of an event type. `person` is the owner of the account of the event. */
type Audience = 'operator' | 'organization' | 'person';

/** How much an event wants to be looked at, from least to most, each with its reason. */
export const gravities = {
  info: 'everyday use; of interest when something else is looked into',
  notice: 'changes what an account or the instance allows; the people concerned should recognize it',
  warning: 'something was refused, guessed at or asked for without proof; one is a slip, many are an attack',
  alert: 'an account, a credential or a key may be in other hands, or a safeguard was taken away; look at it now',
} as const;

export type Gravity = keyof typeof gravities;

/** The declaration of an event type; every reader of events uses it. */
type Declaration<Name extends string, Details extends z.ZodObject> = {
  /** Noun and past participle: `user.signed_in`. It is stored with every event, so it never changes. */
  name: Name;
  /** The event in one sentence. */
  text: string;
  /** Members of the details; none when left out. They are checked by the compiler and by tests, not when an event is written. */
  details?: Details;
  audience: readonly Audience[];
  gravity: Gravity;
  /** The mail to the owner of the account (`credentials/factor`); without it the owner receives none. */
  letter?: string;
  /**
   * Whether webhooks may carry it. False for what a visitor without an account can cause as often as they like, which would flood
   * the receivers, and for what only says something to who runs the instance.
   */
  webhook: boolean;
  /** The event of OpenID CAEP 1.0 or RISC 1.0 that it corresponds to. */
  caep?: SharedSignal;
};

/** A row of the catalogue, whatever its details. */
export type EventTypeRow = Readonly<Required<Omit<Declaration<string, z.ZodObject>, 'letter' | 'caep'>>> & {
  readonly letter: string | null;
  readonly caep: SharedSignal | null;
};

/** The members of a row that showing an event of its type needs. */
export type ShownEventType = Pick<EventTypeRow, 'name' | 'audience' | 'gravity' | 'caep'>;

/** An event before the audit log adds id, time and place in the chain. Only an event type creates one. */
export type AuditEvent = Particulars & {
  readonly type: EventTypeRow;
  readonly details?: Readonly<Record<string, unknown>>;
};

/** Members of events of every type. */
type Particulars = By & {
  subject?: { type: string; id: string };
  organizationId?: string;
  sessionId?: string;
  outcome?: 'success' | 'failure';
};

/** As it was read: nothing of it is changed by writing it down. */
type Fixed<T> = T extends readonly (infer Item)[]
  ? readonly Fixed<Item>[]
  : T extends object
    ? { readonly [Member in keyof T]: Fixed<T[Member]> }
    : T;

/** A type that declares no details takes none. */
type WithDetails<Details> =
  Details extends Readonly<Record<string, never>> ? { details?: Fixed<Details> } : { details: Fixed<Details> };

/** A type of events: its row of the catalogue, and a function that makes an event of it, with details of its schema. */
type EventType<Details extends z.ZodObject = z.ZodObject> = EventTypeRow &
  ((particulars: Particulars & WithDetails<z.output<Details>>) => AuditEvent);

const noDetails = z.strictObject({});

/** Declares a type of events. Stands in `events.ts` of the slice that owns the noun, and nowhere else. */
export function eventType<const Name extends string, Details extends z.ZodObject = typeof noDetails>({
  name,
  letter,
  caep,
  details,
  ...declared
}: Declaration<Name, Details>): EventType<Details> {
  const type = (particulars: Particulars & { details?: Readonly<Record<string, unknown>> }): AuditEvent => ({
    ...particulars,
    type: type as unknown as EventTypeRow,
  });
  // A function has a name of its own, which only a definition replaces.
  Object.defineProperty(type, 'name', { value: name, enumerable: true });
  return Object.assign(type, {
    ...declared,
    details: details ?? noDetails,
    letter: letter ?? null,
    caep: caep ?? null,
  });
}
