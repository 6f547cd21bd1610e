import type { OrganizationId } from '#directory/organizations/module.ts';
import type { Clock } from '#kernel/clock.ts';
import { type KeyRing, randomSecret } from '#kernel/crypto.ts';
import { OutboundError } from '#kernel/http/outbound.ts';
import type { Log } from '#kernel/log.ts';
import { headerText } from '#kernel/mail/address.ts';
import { connectionNotOffered, providerUnreachable } from './errors.ts';
import type { KnownConnections, OfferedConnection } from './known-connections.ts';
import type { Connection } from './connection.ts';
import { asksAgain, providers } from './providers/providers.ts';
import { type RefusalReason, refusalWords } from './refusal-words.ts';
import type { Away, SamlProtocol } from './saml/saml-protocol.ts';
import type { SamlAnswerRefused } from './saml/saml-refusal.ts';
import { isExpired, openTransaction, sealTransaction, type Transaction, type Wishes } from './transaction.ts';
import { profileOf, type Told, type UpstreamProfile } from './upstream-profile.ts';
import type { UsableConnections } from './usable-connections.ts';
import type { UsedStates } from './used-states.ts';

type BeginRequest = {
  /** The slug of the connection. */
  connection: string;
  purpose: Transaction['purpose'];
} & Wishes;

type UpstreamOutcome =
  /** `seen`: what the provider wrote, for the test of a connection. */
  | { kind: 'profile'; profile: UpstreamProfile; seen: Told['seen']; purpose: Transaction['purpose'] }
  | { kind: 'cancelled'; purpose: Transaction['purpose'] }
  /** `words` and `detail` are for the test of a connection. */
  | { kind: 'refused'; reason: RefusalReason; words: string; detail: string | null };

/** Where the browser goes, and what comes back with it. */
type Begun = Away & { transaction: string; state: string };

export type UpstreamDependencies = {
  clock: Clock;
  keyRing: Pick<KeyRing, 'seal' | 'open'>;
  log: Pick<Log, 'warn'>;
  known: KnownConnections;
  usable: UsableConnections;
  states: Pick<UsedStates, 'use'>;
  /** Loaded by the first sign-in that needs it. */
  saml: () => Promise<SamlProtocol>;
};

/** The errors with which providers say that the user turned back; RFC 6749 §4.1.2.1 knows the first one alone. */
const cancellations: ReadonlySet<string> = new Set([
  'access_denied',
  'user_cancelled_authorize',
  'user_cancelled_login',
]);

/** Sends users to identity providers, and reads what comes back. */
export class UpstreamSignIn {
  readonly #deps: UpstreamDependencies;

  constructor(dependencies: UpstreamDependencies) {
    this.#deps = dependencies;
  }

  /** The enabled and configured connections of an organization in their order, then the connections of the instance. */
  async offered({ organizationId }: { organizationId: OrganizationId | null }): Promise<readonly OfferedConnection[]> {
    const { known } = this.#deps;
    if (organizationId === null) return known.offered(null);
    const own = (await this.#deps.usable.isActive(organizationId)) ? await known.offered(organizationId) : [];
    return [...own, ...(await known.offered(null))];
  }

  haveOrganizations(): Promise<boolean> {
    return this.#deps.known.haveOrganizations();
  }

  /** One with which users can sign in now, by its slug. */
  async find(
    slug: string,
  ): Promise<(OfferedConnection & { organizationId: OrganizationId | null; asksAgain: boolean }) | null> {
    const connection = await this.#deps.usable.find(slug);
    if (connection === null) return null;
    const { id, name, provider, organizationId = null } = connection;
    return { id, slug, name, provider, organizationId, asksAgain: asksAgain(provider) };
  }

  /** Connections by their ids, in whatever state. */
  describe(...given: Parameters<KnownConnections['describe']>): ReturnType<KnownConnections['describe']> {
    return this.#deps.known.describe(...given);
  }

  /**
   * Where to send the browser, the text that must come back from the same browser with the answer, and the `state` of that answer.
   * Throws connections.not_offered, connections.unreachable.
   */
  async begin({ connection: slug, purpose, ...asked }: BeginRequest): Promise<Begun> {
    const { clock, keyRing } = this.#deps;
    const connection = await this.#deps.usable.find(slug, purpose);
    if (connection === null) throw connectionNotOffered();
    const transaction: Transaction = {
      connectionId: connection.id,
      version: connection.version,
      purpose,
      state: randomSecret(),
      nonce: randomSecret(),
      verifier: randomSecret(),
      startedAt: clock.now().getTime(),
    };
    try {
      const away = await this.#ask(connection, { ...transaction, ...asked });
      return { ...away, transaction: sealTransaction(keyRing, slug, transaction), state: transaction.state };
    } catch (err) {
      this.#deps.log.warn({ connection: connection.id, err }, 'an identity provider cannot be asked');
      throw providerUnreachable();
    }
  }

  /** Reads an answer of a provider, once. `parameters` come from the query or from the form. */
  async finish({
    connection: slug,
    transaction: sealed,
    parameters,
  }: {
    connection: string;
    transaction: string;
    parameters: URLSearchParams;
  }): Promise<UpstreamOutcome> {
    const { clock, keyRing, states } = this.#deps;
    const transaction = openTransaction(keyRing, slug, sealed);
    if (transaction === null || parameters.getAll('state').join(' ') !== transaction.state)
      return this.#refuse(slug, 'transaction');
    if (isExpired(transaction, clock)) return this.#refuse(slug, 'expired');
    if (!(await states.use(transaction.state))) return this.#refuse(slug, 'replayed');
    const connection = await this.#deps.usable.find(slug, transaction.purpose);
    if (connection?.id !== transaction.connectionId) return this.#refuse(slug, 'disabled');
    if (connection.version !== transaction.version) return this.#refuse(slug, 'changed');
    try {
      const told = await this.#read(connection, transaction, parameters);
      const profile = profileOf(connection, providers[connection.provider], told);
      if (profile === null) return this.#refuse(slug, 'subject');
      return { kind: 'profile', profile, seen: told.seen, purpose: transaction.purpose };
    } catch (err) {
      const error = parameters.get('error') ?? '';
      const isTurnedBack = isErrorAnswer(err) ? cancellations.has(error) : isSamlRefusal(err) && err.isTurnedBack;
      if (isTurnedBack) return { kind: 'cancelled', purpose: transaction.purpose };
      return this.#refuse(slug, reasonOf(err), { err, upstream_error: headerText(error, 64) });
    }
  }

  async #ask(connection: Connection, request: Transaction & Omit<BeginRequest, 'connection'>): Promise<Away> {
    const { usable, saml } = this.#deps;
    if (connection.provider === 'saml') return (await saml()).begin(connection, request);
    const url = await (await usable.protocol()).authorizationUrl(usable.open(connection), request);
    return { location: url.href, form: null };
  }

  async #read(connection: Connection, transaction: Transaction, parameters: URLSearchParams): Promise<Told> {
    const { usable, saml } = this.#deps;
    if (connection.provider === 'saml') return (await saml()).claimsOf(connection, transaction, parameters);
    return (await usable.protocol()).claimsOf(usable.open(connection), transaction, parameters);
  }

  #refuse(slug: string, reason: RefusalReason, seen: { err?: unknown; upstream_error?: string } = {}): UpstreamOutcome {
    this.#deps.log.warn({ connection: slug, reason, ...seen }, 'a sign-in at an identity provider was refused');
    const detail = seen.err instanceof Error ? seen.err.message : null;
    return { kind: 'refused', reason, words: refusalWords[reason], detail };
  }
}

const isErrorAnswer = (error: unknown): boolean =>
  error instanceof Error && error.name === 'AuthorizationResponseError';

/** By its name: the class is loaded with the protocol. */
const isSamlRefusal = (error: unknown): error is SamlAnswerRefused =>
  error instanceof Error && error.name === 'SamlAnswerRefused';

function reasonOf(error: unknown): RefusalReason {
  if (isSamlRefusal(error)) return error.reason;
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at instanceof OutboundError) return at.kind === 'too_large' ? 'invalid_answer' : 'unreachable';
    if (at.name === 'AuthorizationResponseError' || at.name === 'ResponseBodyError') return 'upstream_error';
  }
  return 'invalid_answer';
}
