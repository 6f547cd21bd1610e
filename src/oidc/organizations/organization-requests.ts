import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { type Clock, epochSeconds } from '#kernel/clock.ts';
import type { State } from '#kernel/http/context.ts';
import { instance, type Policies, type Policy, type UserPolicies } from '#settings/module.ts';
import {
  isByDemanded,
  type ProvedSignIn,
  type Shortfall,
  shortfallOf,
  type Spared,
} from '../authority/organization-demands.ts';
import { type FindConsent, toldAbout } from '../authority/authority.ts';
import type { Origin } from '../authority/origin.ts';
import { levelOf } from '../levels.ts';
import { nameOrganization, organizationNamedAt, usageOf } from './asked-organization.ts';
import type { FindChosenOrganization, OrganizationStore } from './organization-store.ts';

/** For which organization a sign-in is: one of the user, none at all, one that is closed to the user, or one to be chosen. */
type Settled = { kind: 'organization'; id: string } | { kind: 'none' } | { kind: 'refused' } | { kind: 'choice' };

/** How sessions and tokens began, and how they must. */
export type SignInWays = {
  /** Whether a session or a token that was proved so began in one of these ways. */
  beganIn(amr: readonly string[], methods: Policy<'signIn'>['methods']): boolean;
  /** The connections to upstream providers by which alone sign-ins of a user count now; null where every way counts. */
  findDemandedConnections(accountId: string): Promise<readonly string[] | null>;
};

type Demanding = 'mfa' | 'signIn' | 'networks' | 'session';
type Dependencies = SignInWays & {
  clock: Clock;
  store: OrganizationStore;
  findChosen: FindChosenOrganization;
  findConsent: FindConsent;
  policies: Policies<Demanding> & UserPolicies<Demanding>;
};

/** The members of a session that say how it was proved. */
type Session = { acr?: string; amr?: readonly string[]; loginTs?: number; spared?: Spared; connection?: string };

/** A refresh token, as far as the demands of organizations need it. */
type Refreshing = {
  clientId?: string | undefined;
  accountId?: string | undefined;
  origin?: Origin | undefined;
  acr?: string | undefined;
  amr?: readonly string[] | undefined;
  authTime?: number | undefined;
};

/** The description for the application, by the shortfall of a refresh token. */
const words: Readonly<Record<Shortfall, string>> = {
  network: 'the organization does not allow the network of the sign-in',
  way: 'the organization asks for another way to sign in',
  factor: 'the organization asks for a stronger sign-in',
  again: 'the organization asks the user to sign in again',
};

/**
 * The organization of a request: of a sign-in, of a refresh token that changes to another one, and of a client that acts for
 * itself. The only place that decides it; what a token is worth later is decided in authority/.
 */
export class OrganizationRequests {
  readonly #deps: Dependencies;
  readonly #settled = new WeakMap<object, { accountId: string | undefined; settled: Promise<Settled> }>();
  readonly #lacking = new WeakMap<object, { accountId: string | undefined; shortfall: Promise<Shortfall | null> }>();
  readonly #atToken = new WeakMap<object, Promise<string | undefined>>();

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Reads an authorization request when it comes: afterwards the parameter alone names the organization, by its id if there is one. */
  async read({ oidc }: KoaContextWithOIDC, client: Client): Promise<void> {
    const { params } = oidc;
    if (!params) return;
    const named = nameOrganization(params, client);
    if (named !== null) params['organization'] = (await this.#deps.store.find(named))?.id ?? named;
  }

  /** For which organization the sign-in of this request is, as far as the user is known. */
  async settle(ctx: KoaContextWithOIDC): Promise<Settled> {
    const accountId = ctx.oidc.account?.accountId;
    const known = this.#settled.get(ctx);
    if (known && known.accountId === accountId) return known.settled;
    const settled = this.#settle(ctx, accountId);
    this.#settled.set(ctx, { accountId, settled });
    return settled;
  }

  async #settle({ oidc }: KoaContextWithOIDC, accountId: string | undefined): Promise<Settled> {
    const { client, params, prompts } = oidc;
    if (!client || accountId === undefined) return { kind: 'none' };
    const acting = { clientId: client.clientId, accountId };
    const isOpen = async (id: string) => (await this.#deps.store.findFor(acting, id)) !== null;
    const named = params?.['organization'];
    const usage = usageOf(client);
    if (typeof named === 'string' && (usage === 'deny' || !(await isOpen(named)))) return { kind: 'refused' };
    if (typeof named === 'string') return { kind: 'organization', id: named };
    if (usage !== 'require') return { kind: 'none' };
    // Another user may have signed in since the choice was made.
    const { id: chosen } = (oidc.result?.['organization'] ?? {}) as { id?: string };
    if (chosen !== undefined && (await isOpen(chosen))) return { kind: 'organization', id: chosen };
    const own = await this.#deps.store.listOf(accountId);
    const [first, ...others] = own;
    if (first === undefined) return { kind: 'refused' };
    if (others.length === 0) return { kind: 'organization', id: first.id };
    const last = prompts.has('select_account') ? null : await this.#deps.findChosen(accountId, client.clientId);
    return last !== null && own.some(({ id }) => id === last) ? { kind: 'organization', id: last } : { kind: 'choice' };
  }

  /** The organization of the sign-in, for the details of a question. */
  async named(ctx: KoaContextWithOIDC): Promise<{ organization?: string }> {
    const settled = await this.settle(ctx);
    return settled.kind === 'organization' ? { organization: settled.id } : {};
  }

  /**
   * Compares the session with the policy of the organization of this request, or of all organizations of its user where it names none;
   * null when it lacks nothing.
   */
  shortfall(ctx: KoaContextWithOIDC): Promise<Shortfall | null> {
    const { accountId } = ctx.oidc.session ?? {};
    const known = this.#lacking.get(ctx);
    if (known && known.accountId === accountId) return known.shortfall;
    const shortfall = this.#ofSession(ctx);
    this.#lacking.set(ctx, { accountId, shortfall });
    return shortfall;
  }

  async #ofSession(ctx: KoaContextWithOIDC): Promise<Shortfall | null> {
    const { client, session } = ctx.oidc;
    if (!client || session?.accountId === undefined) return null;
    const { acr, amr, loginTs, spared, connection } = session as Session;
    const settled = await this.settle(ctx);
    const proved = {
      ip: (ctx as unknown as { state: State }).state.ip,
      spared,
      connection,
      isRemembered: session.transient !== true,
      level: levelOf(acr) ?? 1,
      authTime: loginTs ?? 0,
      amr,
    };
    const organization = settled.kind === 'organization' ? settled.id : undefined;
    return this.#lack(proved, { clientId: client.clientId, accountId: session.accountId }, organization);
  }

  /** The shortfall of the sign-in behind a refresh token, in words; null when it meets the present policy. */
  async unmetBy(token: Refreshing): Promise<string | null> {
    const shortfall = await this.#ofRefreshToken(token, token.origin?.organization);
    return shortfall && words[shortfall];
  }

  #ofRefreshToken(token: Refreshing, organization: string | undefined): Promise<Shortfall | null> {
    const { clientId = '', accountId = '', origin = {}, acr, amr, authTime = 0 } = token;
    const { ip, spared, connection, isRemembered = false } = origin.signIn ?? {};
    const level = origin.level ?? levelOf(acr) ?? 1;
    const proved = { ip, spared, connection, isRemembered, level, authTime, amr };
    return this.#lack(proved, { clientId, accountId }, organization);
  }

  async #lack(
    {
      amr = [],
      connection,
      ...proved
    }: Omit<ProvedSignIn, 'beganIn'> & { amr: readonly string[] | undefined; connection: string | undefined },
    { clientId: client, accountId }: { clientId: string; accountId: string },
    organization: string | undefined,
  ): Promise<Shortfall | null> {
    const { clock, policies, beganIn, findDemandedConnections } = this.#deps;
    if (!isByDemanded(connection, await findDemandedConnections(accountId))) return 'way';
    const policy =
      organization === undefined ? await policies.ofUser(accountId, client) : policies.for({ organization, client });
    const own = policies.for(instance);
    return shortfallOf({ ...proved, beganIn: (methods) => beganIn(amr, methods) }, policy, {
      own,
      now: epochSeconds(clock),
    });
  }

  /**
   * Checks a refresh token that is used, before it is used up: for its own organization, or for the other one that its client asks for
   * (parameter `organization`).
   * @throws AccessDenied where the user is no member of the other one, ConsentRequired, UnmetAuthenticationRequirements where the policy there asks for
   * more proof, invalid_grant where the policy of its own organization does.
   */
  async checkRefresh(ctx: KoaContextWithOIDC, token: Refreshing): Promise<void> {
    const { clientId = '', accountId } = token;
    if (ctx.oidc.client?.clientId !== clientId) return;
    const named = organizationNamedAt(ctx);
    if (named === null) {
      const unmet = await this.unmetBy(token);
      if (unmet !== null) throw new errors.CustomOIDCProviderError('invalid_grant', unmet);
      return;
    }
    const id = await this.#requireOpen({ clientId, accountId }, named);
    if (!toldAbout(await this.#deps.findConsent(accountId ?? '', clientId), id))
      throw new errors.ConsentRequired('the user has not allowed the client to learn about the organization');
    const shortfall = await this.#ofRefreshToken(token, id);
    if (shortfall !== null) throw new errors.UnmetAuthenticationRequirements(words[shortfall]);
    this.#atToken.set(ctx, Promise.resolve(id));
  }

  /** The organization of what is issued now; `from`: the organization of the code or the refresh token that it is issued for. */
  async ofIssue(ctx: KoaContextWithOIDC, kind: string, from: string | undefined): Promise<string | undefined> {
    if (kind === 'ClientCredentials') return this.#ofMachine(ctx);
    if (ctx.oidc.route === 'token') return (await this.#atToken.get(ctx)) ?? from;
    const settled = await this.settle(ctx);
    return settled.kind === 'organization' ? settled.id : undefined;
  }

  #ofMachine(ctx: KoaContextWithOIDC): Promise<string | undefined> {
    const asked = this.#atToken.get(ctx) ?? this.#askedByMachine(ctx);
    this.#atToken.set(ctx, asked);
    return asked;
  }

  async #askedByMachine(ctx: KoaContextWithOIDC): Promise<string | undefined> {
    const { client } = ctx.oidc;
    const named = organizationNamedAt(ctx);
    if (named !== null && client) return this.#requireOpen({ clientId: client.clientId }, named);
    if (client && usageOf(client) === 'require') throw new errors.InvalidRequest('organization is required');
    return undefined;
  }

  /** An organization that does not exist is refused as one that is closed to the caller. */
  async #requireOpen(acting: { clientId: string; accountId?: string | undefined }, named: string): Promise<string> {
    const { store } = this.#deps;
    const id = (await store.find(named))?.id;
    if (id === undefined || (await store.findFor(acting, id)) === null)
      throw new errors.AccessDenied('the organization is not open to this user or client');
    return id;
  }
}
