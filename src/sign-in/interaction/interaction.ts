import type { EngineInteraction, Level } from '#oidc/module.ts';
import { canonicalIdentifier, type UserId } from '#directory/users/module.ts';
import { type Facts, factsOf, type SessionUser } from './facts.ts';
import type { Progress } from './progress.ts';
import { type RememberedAccount, rememberedAs } from './remembered-accounts.ts';
import { hintOf, type Lead, leadOf } from './remembered-lead.ts';
import type { Requirements } from './requirements.ts';
import type { SignInFacts } from './sign-in-facts.ts';
import type { Way } from './offered-first-factors.ts';
import type { OfferedProvider, Realm, SessionProvider, Upstream } from './upstream.ts';

/** The engine's request, the recorded results and the session of the browser. No step can name its key. */
export const inside = Symbol('inside');
export type Inside = {
  question: EngineInteraction;
  progress: Progress;
  sessionUser: SessionUser | null;
  /** The accounts that this browser remembers, each with a way that is open. */
  accounts: readonly RememberedAccount[];
  /** Since when this browser has a passkey for an identifier, as a NumericDate (passkeys-here.ts). */
  passkeySince(identifier: string): number | null;
  providers: readonly OfferedProvider[];
  /** The providers that the request names: one by its connection, or all connections of a domain. */
  asked: readonly OfferedProvider[];
  /** The slug of the one that this browser used last. */
  lastProvider: string | null;
  /** The one with which the session began, where its user must prove again who they are; null where it began otherwise, or is not offered. */
  again: SessionProvider | null;
  /** Of the address of the sign-in. */
  realm: Realm | null;
  /** NumericDate of the request. */
  now: number;
};
/** `lead`: to which first page the remembered accounts lead; computed once for each state. */
type Seen = Inside & { lead: Lead['kind'] };

/** The part of the request that steps may know. */
export type StepQuestion = Pick<EngineInteraction, 'client' | 'asked' | 'isAgain' | 'ownPage'> & {
  /** The email address in the relying party's hint; empty without a valid one. */
  loginHint: string;
  /** The user must prove now who they are, wherever that is: an upstream provider is told so. */
  needsFreshProof: boolean;
  /** The id of the organization that the sign-in is for; null where the request names none. */
  organization: string | null;
};

/** One sign-in in progress, as its steps see it. */
export type Interaction = {
  uid: string;
  /** Where the dispatcher is: every step returns there. */
  path: string;
  question: StepQuestion;
  /** The typed or remembered email address, or the one of the session's user at reauthentication: a claim, never a proof. */
  identifier: string | null;
  facts: Facts;
  /** The remembered account that `identifier` names; null for another address. */
  remembered: RememberedAccount | null;
  /** `identifier` without what only this browser remembers: for the fields of forms. */
  typed: string | null;
  /** "Keep me signed in" as an earlier page of this sign-in left it, or as the session has it that is proved again; null where a page asks. */
  keep: boolean | null;
  /** The upstream providers that this sign-in can begin with; none where policy closes that way. */
  providers: readonly OfferedProvider[];
  /** The provider that the typed address, or else the request, leads to; null where this browser was there with it before, or the user chooses. */
  leadsTo: OfferedProvider | null;
  /** The providers of the typed address, or else of the request, where there are several and nothing says which one. */
  choices: readonly OfferedProvider[];
  /** The organization that owns the domain of the address lets no other way than its connections begin. */
  isClosed: boolean;
  /** The identity at one of them that waits for its account. */
  upstream: Upstream | null;
  [inside]: Seen;
};

/** A sign-in in which a user has proved something, with all that is known of the user. */
export type KnownInteraction = Interaction & {
  userId: UserId;
  facts: SignInFacts;
  requirements: Requirements;
};

/** A sign-in in which it is a step's turn. */
export type DueInteraction = KnownInteraction & {
  /** The level that must be reached by this page; null where it is an offer. */
  needed: Level | null;
};

/** A sign-in in which an address was typed, and nothing is proved yet. */
export type BegunInteraction = Interaction & { identifier: string };
/** A sign-in in which the user chooses: the account of the session, where that is asked about, and the remembered ones. */
export type ChoosingInteraction = Interaction & {
  session: UserId | null;
  accounts: readonly RememberedAccount[];
};
/** A sign-in in which the user of the session is asked something. */
type SessionInteraction = Interaction & { userId: UserId };
export type AskedInteraction = SessionInteraction & { request: ConsentRequested };
/** The relying party's demand on the user of the session. */
export type ConsentRequested = Pick<EngineInteraction, 'prompt' | 'params' | 'grantId'>;

/** The result of a completed sign-in. */
export type SignInEnd = Pick<
  KnownInteraction,
  'uid' | 'userId' | 'question' | 'facts' | 'requirements' | 'upstream'
> & {
  level: Level;
  amr: readonly string[];
  /** The session of the user here: of before, or the one that begins now. */
  sessionId: string;
};
export type OtherWay = { way: Way; url: string };

/** How the user of the session is named; null without a session. */
export const identifierOfSession = ({ [inside]: { sessionUser } }: Interaction): string | null =>
  sessionUser?.identifier ?? null;

type Leading = Pick<Inside, 'question' | 'progress' | 'asked' | 'again'>;
type Named = Pick<Inside, 'question' | 'progress' | 'sessionUser' | 'accounts'>;

/** The address or username of the sign-in: as it was typed, or as this browser brought it. */
export function namedIn({ question, progress, sessionUser, accounts }: Named) {
  const { isAgain } = question;
  // A user who is asked again need not type the address.
  const known = isAgain && progress.chosen !== 'another' ? (sessionUser?.identifier ?? null) : null;
  const lead = known === null ? leadOf(question, progress, accounts) : { kind: 'none' as const };
  const led = lead.kind === 'account' ? lead.account : null;
  const typed = progress.identifier ?? known;
  return { typed, identifier: typed ?? led?.identifier ?? null, lead, led };
}

/** OpenID Connect Core §3.1.2.1: `login`, and an age that a session at a provider could exceed. */
const asksForFreshProof = (params: Readonly<Record<string, unknown>>): boolean =>
  params['max_age'] !== undefined ||
  String(params['prompt'] ?? '')
    .split(' ')
    .includes('login');

/** The sign-in as steps see it. */
export function seen(found: Inside): Interaction {
  const { question, progress, sessionUser, accounts, realm, now } = found;
  const { uid, client, asked, isAgain, ownPage, params, organization } = question;
  const { typed, identifier, lead, led } = namedIn(found);
  const { upstream } = progress;
  // A user who came back from there proves an account of before, so that it is linked.
  const isBack =
    upstream !== null &&
    upstream.userId !== null &&
    realm?.providers.some(({ slug }) => slug === upstream.connection.slug);
  const isClosed = realm?.isClosed === true && !isBack;
  const facts = factsOf(question, progress, sessionUser, now);
  const isSameSession = facts.session !== null || isOfSession(found);
  return {
    uid,
    path: `/interaction/${uid}`,
    question: {
      client,
      asked,
      isAgain,
      ownPage,
      loginHint: hintOf(params),
      needsFreshProof: isAgain || asksForFreshProof(params),
      organization,
    },
    identifier,
    facts,
    remembered: led ?? rememberedAs(accounts, identifier),
    typed,
    // A session that its user proves again stays as it is: nothing asks whether to keep it.
    keep: progress.remember ?? (isSameSession ? (question.session?.isRemembered ?? null) : null),
    providers: providersIn(found, isClosed),
    leadsTo: isBack ? null : leadsToIn(found),
    choices: isBack ? [] : choicesIn(found),
    isClosed,
    upstream,
    [inside]: { ...found, lead: lead.kind },
  };
}

/** The connections of the organization at the front, and the provider that the request names. */
function providersIn({ providers, asked, again, realm }: Inside, isClosed: boolean): readonly OfferedProvider[] {
  const others = isClosed ? [] : [...asked, ...(again === null ? [] : [again]), ...providers];
  const bySlug = new Map([...(realm?.providers ?? []), ...others].map((provider) => [provider.slug, provider]));
  return [...bySlug.values()];
}

/**
 * The address or the connection that leads to a provider: as it was typed, else by the request, else of the session that is proved again.
 * Null where the user chooses.
 */
export function leadIn({ question, progress, asked, again }: Leading): string | null {
  if (progress.identifier !== null) return progress.identifier;
  if (progress.chosen !== null || question.prompt.name === 'select_account') return null;
  return asked.map(({ slug }) => slug).join(' ') || (again?.slug ?? null);
}

/** The providers to which the typed address, or else the request, leads. */
const ledIn = ({ progress, asked, realm }: Inside): readonly OfferedProvider[] =>
  progress.identifier === null ? asked : (realm?.providers ?? []);

/** Of several the one that the request names, or else the one that this browser used last. */
function leadsToIn(found: Inside): OfferedProvider | null {
  const { progress, asked, again, lastProvider } = found;
  const lead = leadIn(found);
  if (lead === null || lead === progress.led) return null;
  const [first, ...others] = ledIn(found);
  if (first === undefined) return isOfSession(found) && again?.asksAgain ? again : null;
  if (others.length === 0) return first;
  const bySlug = new Map([first, ...others].map((provider) => [provider.slug, provider]));
  const named = asked.length === 1 ? bySlug.get(asked[0]!.slug) : undefined;
  return named ?? bySlug.get(lastProvider ?? '') ?? null;
}

function choicesIn(found: Inside): readonly OfferedProvider[] {
  const several = leadIn(found) === null || leadsToIn(found) !== null ? [] : ledIn(found);
  return several.length > 1 ? several : [];
}

/** Whether the sign-in is for the user of the session, who must prove again who they are. Facts of that session are then no secret. */
export function isOfSession(found: Named): boolean {
  const { isAgain } = found.question;
  const [typed, own] = [namedIn(found).typed, found.sessionUser?.identifier].map((name) =>
    canonicalIdentifier(name ?? ''),
  );
  return isAgain && typed !== null && typed === own;
}
