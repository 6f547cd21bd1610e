import type { InteractionResults } from 'oidc-provider';
import { ownMember } from '#applications/clients/module.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { randomSecret } from '#kernel/crypto.ts';
import type { Act } from '#kernel/postgres/one-statement.ts';
import { Detour } from '#kernel/http/redirect.ts';
import { type Kept, type OpenSignIn, type OpenSignIns, pathOf } from './artifacts/open-sign-ins.ts';
import { signInExpired } from './errors.ts';
import type { Spared } from './authority/organization-demands.ts';
import type { Engine } from './engine.ts';
import { LEVEL_REASONS } from './interaction-policy.ts';
import { type AskedLevel, askedLevel, type Level, levelOf, requestedAcr } from './levels.ts';
import { ORGANIZATION_AGAIN, ORGANIZATION_LEVEL } from './organizations/organization-prompt.ts';
import type { BegunSignIns } from './sessions/begun-sign-ins.ts';
import { OWN_CLIENT_ID } from '#applications/clients/module.ts';
import { pageInState } from './sessions/return-path.ts';
import { type ClientOnPage, onPage } from './pages/pages.ts';

/** Koa's context, as far as the engine reads and writes it. */
type Exchange = { req: IncomingMessage; res: ServerResponse };

export type PromptName = 'create' | 'select_account' | 'login' | 'organization' | 'consent';

/** One question that the engine has for the user before it can answer a relying party. */
export type EngineInteraction = {
  uid: string;
  prompt: { name: PromptName; reasons: readonly string[]; details: Readonly<Record<string, unknown>> };
  params: Readonly<Record<string, unknown>>;
  /** The signed-in user of this browser, if there is one. */
  accountId: string | null;
  /**
   * How the session was proved, when there is one: RFC 8176 values and level; when its user last proved who they are
   * (NumericDate), and the connection to an upstream provider by which they came.
   */
  session: {
    id: string;
    amr: readonly string[];
    level: Level;
    authTime: number | null;
    connection: string | null;
    /** "Keep me signed in" was chosen for it. */
    isRemembered: boolean;
  } | null;
  /** The page of ours that the sign-in is for; null where it is for an application. */
  ownPage: string | null;
  /** The level that the relying party, or the operator for it, requires. */
  asked: AskedLevel | null;
  /** The signed-in user only needs a stronger proof. */
  isStepUp: boolean;
  /** The signed-in user must authenticate again. */
  isAgain: boolean;
  /** The organization that the sign-in is for, as far as it is known: named by the application, chosen, or the only one of the user. */
  organization: string | null;
  grantId: string | null;
  client: ClientOnPage & {
    isNative: boolean;
    redirectHost: string | null;
    policyUri: string | null;
    tosUri: string | null;
  };
  /** The results of the steps so far. */
  kept: Kept;
};

type SignedIn = {
  accountId: string;
  amr: readonly string[];
  acr: string;
  authTime: number;
  remember: boolean;
  spared: Spared | null;
  /** The name of the session, where it begins with this sign-in. */
  sessionId: string;
  /** The slug of the connection to an upstream provider by which the user came; null for other ways. */
  connection: string | null;
};
export type Decision = {
  scopes: readonly string[];
  claims: readonly string[];
  resourceScopes: ReadonlyMap<string, readonly string[]>;
  /** The organization about which the client is told; null in a sign-in for none. */
  organization: string | null;
};

/** Sign-ins in progress as the engine keeps them. The only place that reads or ends one. */
export class Interactions {
  readonly #engine: () => Engine;
  readonly #begun: Pick<BegunSignIns, 'isBegunHere' | 'laterOfSameRequest'>;
  readonly #open: Pick<OpenSignIns, 'find' | 'answer' | 'end'>;

  constructor(
    engine: () => Engine,
    begun: Pick<BegunSignIns, 'isBegunHere' | 'laterOfSameRequest'>,
    open: Pick<OpenSignIns, 'find' | 'answer' | 'end'>,
  ) {
    this.#engine = engine;
    this.#begun = begun;
    this.#open = open;
  }

  isBegunHere(exchange: Pick<Exchange, 'req'>, uid: string): boolean {
    return this.#begun.isBegunHere(exchange, uid);
  }

  /**
   * Throws oidc.sign_in_expired when this browser has no such sign-in, and Detour to where it goes on when the question has its answer,
   * or the engine asks the next one.
   */
  async require({ req, res }: Exchange, uid: string): Promise<EngineInteraction> {
    const engine = this.#engine();
    if (!this.#begun.isBegunHere({ req }, uid)) throw signInExpired();
    const found = this.#cookieOf({ req, res }) === uid ? await this.#find(uid) : null;
    if (found === null) {
      for (const later of this.#begun.laterOfSameRequest({ req }, uid))
        if (await this.#open.find(later)) throw new Detour(`/interaction/${later}`);
      throw signInExpired();
    }
    const { payload, kept } = found;
    const { result, returnTo, params, prompt, session, grantId, lastSubmission } = payload as unknown as Question;
    if (result !== undefined) throw new Detour(pathOf(returnTo, uid));
    const client = await engine.Client.find(String(params['client_id']));
    const shown = onPage(client);
    if (!client || !shown) throw signInExpired();
    const redirect = URL.parse(String(params['redirect_uri'] ?? ''));
    const isStepUp = isOnly({ prompt, session }, levelReasons);
    return {
      uid,
      prompt,
      params,
      accountId: session?.accountId ?? null,
      session: sessionOf(session, found.begun),
      asked: askedOf(params, levelOf(ownMember(client, 'minimum_acr'))),
      isStepUp,
      isAgain: isOnly({ prompt, session }, againReasons),
      ownPage: client.clientId === OWN_CLIENT_ID ? (pageInState(params['state']) ?? '/account') : null,
      organization: organizationOf({ params, prompt, lastSubmission }),
      grantId: grantId ?? null,
      client: {
        ...shown,
        isNative: client.applicationType === 'native',
        redirectHost: redirect?.protocol === 'https:' || redirect?.protocol === 'http:' ? redirect.host : null,
        policyUri: client.policyUri ?? null,
        tosUri: client.tosUri ?? null,
      },
      kept,
    };
  }

  /**
   * Ends the question by a sign-in, with all that is written about it; null when another request was first, or what was proved was
   * taken away. This and the next ones answer with the path at which the browser goes on.
   */
  async finishLogin(
    { uid, kept }: Pick<EngineInteraction, 'uid' | 'kept'>,
    { accountId, amr, acr, authTime, remember, spared, connection, sessionId }: SignedIn,
    answered: readonly PromptName[],
    act: Omit<Act, 'decision'>,
  ): Promise<string | null> {
    const others = Object.fromEntries(answered.map((name) => [name, {}]));
    const reasons = { ...(spared === null ? {} : { spared }), ...(connection === null ? {} : { connection }) };
    const login = { accountId, amr: [...amr], acr, ts: authTime, remember, sessionId, ...reasons };
    return this.#open.end(uid, kept, { accountId, result: { ...others, login } }, act);
  }

  /**
   * The name of the session that a sign-in in this browser begins: of the one that is there without a user, else a new one. It is known
   * before the engine begins the session, which it does in the next request.
   */
  async nextSessionId({ req, res }: Exchange): Promise<string> {
    const engine = this.#engine();
    const session = await engine.Session.get(engine.createContext(req, res) as never);
    return session.accountId === undefined ? session.uid : randomSecret();
  }

  /** `level`: the user was asked for a stronger proof and has none, or is spared it. */
  async finishPrompt(exchange: Exchange, name: PromptName | 'level', spared?: Spared | null): Promise<string> {
    return this.#finish(exchange, { [name]: spared ? { spared } : {} });
  }

  /** The user chose an organization; whether it is theirs is checked where the sign-in goes on. */
  async finishOrganization(exchange: Exchange, id: string): Promise<string> {
    return this.#finish(exchange, { organization: { id } });
  }

  async finishConsent(
    exchange: Exchange,
    {
      accountId,
      clientId,
      grantId,
      decision,
    }: { accountId: string; clientId: string; grantId: string | null; decision: Decision },
  ): Promise<string> {
    const engine = this.#engine();
    const existing = grantId ? await engine.Grant.find(grantId) : undefined;
    const grant = existing ?? new engine.Grant({ accountId, clientId });
    if (decision.scopes.length > 0) grant.addOIDCScope(decision.scopes.join(' '));
    if (decision.claims.length > 0) grant.addOIDCClaims([...decision.claims]);
    for (const [resource, scopes] of decision.resourceScopes) grant.addResourceScope(resource, scopes.join(' '));
    return this.#finish(exchange, { consent: { grantId: await grant.save() } });
  }

  /** The relying party receives `access_denied` or the given `error` (RFC 6749 §4.1.2.1). */
  async finishRefused(exchange: Exchange, error: string, description: string): Promise<string> {
    return this.#finish(exchange, { error, error_description: description });
  }

  async #finish(exchange: Exchange, result: InteractionResults): Promise<string> {
    const uid = this.#cookieOf(exchange);
    const path = uid && (await this.#open.answer(uid, result));
    if (path) return path;
    // Another request of this browser was first.
    const found = uid ? await this.#open.find(uid) : null;
    const { result: first, returnTo } = (found?.payload ?? {}) as Partial<Question>;
    if (uid && first !== undefined && returnTo !== undefined) return pathOf(returnTo, uid);
    throw signInExpired();
  }

  /** The engine binds a sign-in to the browser by a cookie below the address of its pages. */
  #cookieOf({ req, res }: Exchange): string | undefined {
    const engine = this.#engine();
    return engine.createContext(req, res).cookies.get(engine.cookieName('interaction'), { signed: true });
  }

  /** A question that was asked in a session ends with it. */
  async #find(uid: string): Promise<(OpenSignIn & { begun: Begun | null }) | null> {
    const found = await this.#open.find(uid);
    const asked = (found?.payload as Question | undefined)?.session;
    if (!found || !asked?.uid) return found && { ...found, begun: null };
    const session = await this.#engine().Session.findByUid(asked.uid);
    if (session?.accountId !== asked.accountId) return null;
    const {
      loginTs: authTime = null,
      connection = null,
      transient,
    } = (session ?? {}) as {
      loginTs?: number;
      connection?: string;
      transient?: boolean;
    };
    return { ...found, begun: { authTime, connection, isRemembered: transient !== true } };
  }
}

type Question = Pick<EngineInteraction, 'prompt' | 'params'> & {
  returnTo: string;
  result?: InteractionResults;
  session?: StoredSession;
  grantId?: string;
  /** The answers to earlier questions of the same request. */
  lastSubmission?: InteractionResults | undefined;
};

type StoredSession = { uid: string; accountId: string; acr?: string | undefined; amr?: readonly string[] | undefined };

type Begun = Pick<NonNullable<EngineInteraction['session']>, 'authTime' | 'connection' | 'isRemembered'>;

function sessionOf(session: StoredSession | undefined, begun: Begun | null): EngineInteraction['session'] {
  if (session?.accountId === undefined) return null;
  return {
    id: session.uid,
    amr: session.amr ?? [],
    level: levelOf(session.acr) ?? 1,
    ...(begun ?? { authTime: null, connection: null, isRemembered: false }),
  };
}

function organizationOf({
  params,
  prompt,
  lastSubmission,
}: Pick<Question, 'params' | 'prompt' | 'lastSubmission'>): string | null {
  const { id: chosen } = (lastSubmission?.['organization'] ?? {}) as { id?: unknown };
  const known = [params['organization'], prompt.details['organization'], chosen].find((id) => typeof id === 'string');
  return known ?? null;
}

/** The stricter of what the request asks for and what the operator demands for this client. */
function askedOf(params: Readonly<Record<string, unknown>>, minimum: Level | null): AskedLevel | null {
  const asked = askedLevel(requestedAcr(params));
  if (minimum === null) return asked;
  return { level: Math.max(minimum, asked?.essential ? asked.level : 1) as Level, essential: true };
}

const levelReasons: ReadonlySet<string> = new Set([...Object.values(LEVEL_REASONS), ORGANIZATION_LEVEL]);
/** The same user, later: not when the request names another user. */
const againReasons: ReadonlySet<string> = new Set([
  ...levelReasons,
  ORGANIZATION_AGAIN,
  'login_prompt',
  'max_age',
  'device_session_age',
]);

function isOnly(
  { prompt, session }: { prompt: { name: string; reasons: readonly string[] }; session?: unknown },
  reasons: ReadonlySet<string>,
): boolean {
  return prompt.name === 'login' && session !== undefined && prompt.reasons.every((reason) => reasons.has(reason));
}
