import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { isInNetworks } from '#kernel/http/address.ts';
import type { State } from '#kernel/http/context.ts';
import { instance, type Policies, type Policy, type PolicySubject, type UserPolicies } from '#settings/module.ts';
import type { Origin } from '../authority/origin.ts';
import { type Level, levelOf } from '../levels.ts';
import { nameOrganization, organizationNamedAt, usageOf } from './asked-organization.ts';
import type { FindChosenOrganization, OrganizationStore } from './organization-store.ts';

/** For which organization a sign-in is: one of the user, none at all, one that is closed to the user, or one to be chosen. */
type Settled = { kind: 'organization'; id: string } | { kind: 'none' } | { kind: 'refused' } | { kind: 'choice' };

/** Whether a session or a token that was proved so began in one of these ways. */
export type BeganIn = (amr: readonly string[], methods: Policy<'signIn'>['methods']) => boolean;

type Dependencies = {
  store: OrganizationStore;
  findChosen: FindChosenOrganization;
  policies: Policies<'mfa' | 'signIn' | 'networks'> & UserPolicies<'mfa' | 'signIn' | 'networks'>;
  beganIn: BeganIn;
};

/** A refresh token, as far as a change of its organization needs it. */
type Refreshing = {
  clientId?: string | undefined;
  accountId?: string | undefined;
  origin?: Origin | undefined;
  acr?: string | undefined;
  amr?: readonly string[] | undefined;
};

/**
 * The organization of a request: of a sign-in, of a refresh token that changes to another one, and of a client that acts for
 * itself. The only place that decides it; what a token is worth later is decided in authority/.
 */
export class OrganizationRequests {
  readonly #deps: Dependencies;
  readonly #settled = new WeakMap<object, { accountId: string | undefined; settled: Promise<Settled> }>();
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

  /**
   * The level that the organization asks of each of its members at once, where the instance asks for less; 1 for everything else,
   * which a sign-in decides.
   */
  levelFor(organization: string, client: string): Level {
    const { policies } = this.#deps;
    const demandsTwo = (subject: PolicySubject): boolean => {
      const { enforcement, graceDays } = policies.for(subject).mfa;
      return enforcement === 'required' && graceDays === 0;
    };
    return demandsTwo({ organization, client }) && !demandsTwo({ client }) ? 2 : 1;
  }

  /**
   * Whether the session is not enough for the policy of the organization of this request, or of all organizations of its user: it is too
   * weak, began in a way that is closed, or the request comes from a network that is not allowed.
   */
  async fallsShort(ctx: KoaContextWithOIDC): Promise<boolean> {
    const { policies } = this.#deps;
    const { client, session } = ctx.oidc;
    if (!client || session?.accountId === undefined) return false;
    const settled = await this.settle(ctx);
    const level = levelOf(session['acr']) ?? 1;
    const isNamed = settled.kind === 'organization';
    if (isNamed && this.levelFor(settled.id, client.clientId) > level) return true;
    const { mfa, signIn, networks } = isNamed
      ? policies.for({ organization: settled.id, client: client.clientId })
      : await policies.ofUser(session.accountId, client.clientId);
    const { ip } = (ctx as unknown as { state: State }).state;
    if (networks.allowed !== undefined && !isInNetworks(ip, networks.allowed)) return true;
    // A session outlives a change of the policy of the instance: only organizations ask for more than it proved.
    const isRaised = mfa.enforcement === 'required' && policies.for(instance).mfa.enforcement !== 'required';
    return (isRaised && mfa.graceDays === 0 && level < 2) || !this.#takes(signIn, session['amr']);
  }

  #takes({ methods }: Policy<'signIn'>, amr: readonly string[] = []): boolean {
    const { policies, beganIn } = this.#deps;
    return methods.length === policies.for(instance).signIn.methods.length || beganIn(amr, methods);
  }

  /**
   * Checks a refresh token whose client asks for tokens of another organization (parameter `organization`), before it is used up.
   * @throws AccessDenied where the user is no member, UnmetAuthenticationRequirements where the policy there asks for more proof.
   */
  async change(ctx: KoaContextWithOIDC, { clientId = '', accountId, origin, acr, amr }: Refreshing): Promise<void> {
    const { client } = ctx.oidc;
    const named = organizationNamedAt(ctx);
    if (named === null || client?.clientId !== clientId) return;
    const id = await this.#requireOpen({ clientId, accountId }, named);
    if (this.levelFor(id, clientId) > (origin?.level ?? levelOf(acr) ?? 1))
      throw new errors.UnmetAuthenticationRequirements('the organization asks for a stronger sign-in');
    if (!this.#takes(this.#deps.policies.for({ organization: id, client: clientId }).signIn, amr))
      throw new errors.UnmetAuthenticationRequirements('the organization asks for another way to sign in');
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
