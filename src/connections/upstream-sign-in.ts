import type { OrganizationId } from '#directory/organizations/module.ts';
import type { Clock } from '#kernel/clock.ts';
import { type KeyRing, randomSecret } from '#kernel/crypto.ts';
import { OutboundError } from '#kernel/http/outbound.ts';
import type { Log } from '#kernel/log.ts';
import { headerText } from '#kernel/mail/address.ts';
import { connectionNotOffered, providerUnreachable } from './errors.ts';
import type { KnownConnections, OfferedConnection } from './known-connections.ts';
import { providers } from './providers/providers.ts';
import { isExpired, openTransaction, sealTransaction, type Transaction } from './transaction.ts';
import { profileOf, type UpstreamProfile } from './upstream-profile.ts';
import type { UsableConnections } from './usable-connections.ts';
import type { UsedStates } from './used-states.ts';

type BeginRequest = {
  /** The slug of the connection. */
  connection: string;
  purpose: Transaction['purpose'];
  loginHint?: string | undefined;
  forceAuthentication?: boolean | undefined;
};

/**
 * transaction     damaged, of another connection, or with another state than the answer
 * expired         the answer came too late
 * replayed        an answer with this state was used before
 * disabled        the connection is deleted, disabled or unfinished, or its organization is not active
 * changed         the connection was changed after the request
 * unreachable     the provider did not answer
 * upstream_error  the provider answered with an error
 * invalid_answer  a token, a signature or a document is wrong
 * subject         nothing usable says who the user is
 */
type RefusalReason =
  | 'transaction'
  | 'expired'
  | 'replayed'
  | 'disabled'
  | 'changed'
  | 'unreachable'
  | 'upstream_error'
  | 'invalid_answer'
  | 'subject';

type UpstreamOutcome =
  | { kind: 'profile'; profile: UpstreamProfile; purpose: Transaction['purpose'] }
  | { kind: 'cancelled'; purpose: Transaction['purpose'] }
  | { kind: 'refused'; reason: RefusalReason };

export type UpstreamDependencies = {
  clock: Clock;
  keyRing: Pick<KeyRing, 'seal' | 'open'>;
  log: Pick<Log, 'warn'>;
  known: KnownConnections;
  usable: UsableConnections;
  states: Pick<UsedStates, 'use'>;
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

  /** One with which users can sign in now, by its slug. */
  async find(slug: string): Promise<(OfferedConnection & { organizationId: OrganizationId | null }) | null> {
    const connection = await this.#deps.usable.find(slug);
    if (connection === null) return null;
    const { id, name, provider, organizationId = null } = connection;
    return { id, slug, name, provider, organizationId };
  }

  /** Connections by their ids, in whatever state. */
  describe(...given: Parameters<KnownConnections['describe']>): ReturnType<KnownConnections['describe']> {
    return this.#deps.known.describe(...given);
  }

  /**
   * Where to send the browser, the text that must come back from the same browser with the answer, and the `state` of that answer.
   * Throws connections.not_offered, connections.unreachable.
   */
  async begin({
    connection: slug,
    purpose,
    ...asked
  }: BeginRequest): Promise<{ location: string; transaction: string; state: string }> {
    const { clock, keyRing } = this.#deps;
    const connection = await this.#deps.usable.find(slug);
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
      const protocol = await this.#deps.usable.protocol();
      const url = await protocol.authorizationUrl(this.#deps.usable.open(connection), { ...transaction, ...asked });
      return { location: url.href, transaction: sealTransaction(keyRing, slug, transaction), state: transaction.state };
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
    const connection = await this.#deps.usable.find(slug);
    if (connection?.id !== transaction.connectionId) return this.#refuse(slug, 'disabled');
    if (connection.version !== transaction.version) return this.#refuse(slug, 'changed');
    try {
      const protocol = await this.#deps.usable.protocol();
      const told = await protocol.claimsOf(this.#deps.usable.open(connection), transaction, parameters);
      const profile = profileOf(connection, providers[connection.provider], told);
      if (profile === null) return this.#refuse(slug, 'subject');
      return { kind: 'profile', profile, purpose: transaction.purpose };
    } catch (err) {
      const error = parameters.get('error') ?? '';
      if (isErrorAnswer(err) && cancellations.has(error)) return { kind: 'cancelled', purpose: transaction.purpose };
      return this.#refuse(slug, reasonOf(err), { err, upstream_error: headerText(error, 64) });
    }
  }

  #refuse(slug: string, reason: RefusalReason, seen: object = {}): UpstreamOutcome {
    this.#deps.log.warn({ connection: slug, reason, ...seen }, 'a sign-in at an identity provider was refused');
    return { kind: 'refused', reason };
  }
}

const isErrorAnswer = (error: unknown): boolean =>
  error instanceof Error && error.name === 'AuthorizationResponseError';

function reasonOf(error: unknown): RefusalReason {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at instanceof OutboundError) return at.kind === 'too_large' ? 'invalid_answer' : 'unreachable';
    if (at.name === 'AuthorizationResponseError' || at.name === 'ResponseBodyError') return 'upstream_error';
  }
  return 'invalid_answer';
}
