import { Provider, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { requireBound, type Shown, judged } from '../authority/enforcement.ts';
import { type Patch, source } from './patch.ts';
import { originKinds } from '../authority/origin.ts';
import { API_ROUTE, type FindGrant, findNarrowed, route } from '../authority/grant-worth.ts';
import { requestedAcr, saidAcr } from '../levels.ts';
import { mark, type MarkedKind, markedKinds } from '../artifacts/token-marks.ts';
import { isOfType } from '../media-types.ts';
import { jwtReader } from '../introspection/introspection.ts';

type Model = { save(): Promise<string> };

export const boundTokens: Patch = {
  members: { 'AccessToken.prototype.save': { method: 0 }, 'ClientCredentials.prototype.save': { method: 0 } },
  reason: 'No token is issued that would be worth nothing: by the front channel, or where no certificate can arrive.',
  upstream: source('models/base_token.js'),
  apply(engine) {
    for (const kind of ['AccessToken', 'ClientCredentials'] as const) issueBound(engine[kind].prototype);
  },
};

function issueBound(model: Model): void {
  const { save } = model;
  model.save = async function saveBound(this: Shown & Model) {
    const client = Provider.ctx?.oidc.client;
    if (client) requireBound(this, client);
    return save.call(this);
  };
}

export const idTokens: Patch = {
  members: { 'IdToken.validate': { method: 2 } },
  reason:
    'A logout token has the same issuer, audience, subject and key; its type says that it is no ID token (RFC 8725 §3.11).',
  upstream: source('models/id_token.js'),
  apply({ IdToken }) {
    const { validate } = IdToken;
    IdToken.validate = async function validateIdToken(...given) {
      const validated = await validate.apply(IdToken, given);
      if (!isOfType(validated.header['typ'], undefined, 'JWT')) throw new errors.InvalidRequest('not an ID Token');
      return validated;
    };
  },
};

type Saved = { save(): Promise<string> };
type Issuer = { extra: Record<string, unknown>; issue(options?: { use?: string }): Promise<string> };

/** OpenID Connect Core §3.1.3.6 makes it optional there; libraries that check an access token by it fail without it. */
export const hashedTokens: Patch = {
  members: { 'AccessToken.prototype.save': { method: 0 }, 'IdToken.prototype.issue': { method: 0 } },
  reason: 'The engine hashes the access token in ID tokens of the front channel only, not at the token endpoint.',
  upstream: source('helpers/grant_common.js'),
  apply({ AccessToken, IdToken }) {
    const values = new WeakMap<object, string>();
    const tokens = AccessToken.prototype as Saved;
    const { save } = tokens;
    tokens.save = async function saveAndKeep() {
      const value = await save.call(this);
      values.set(this, value);
      return value;
    };
    const idToken = IdToken.prototype as unknown as Issuer;
    const { issue } = idToken;
    idToken.issue = function issueWithHash(options) {
      const token = Provider.ctx?.oidc.entities.AccessToken;
      // The engine makes the hash of the value.
      if (options?.use === 'idtoken' && route() === 'token' && token) this.extra['at_hash'] ??= values.get(token);
      return issue.call(this, options);
    };
  },
};

type Finder = { find(value: string, options?: object): Promise<Shown | undefined> };

export const judgedTokens: Patch = {
  members: Object.fromEntries(
    originKinds.map((kind) => [`${kind}.find`, { method: kind === 'ClientCredentials' ? 1 : 0 }]),
  ),
  reason: 'The engine finds each token and code through its model: there it gets what it is worth now, or nothing.',
  upstream: source('models/base_token.js'),
  apply(engine, { enforcement }) {
    for (const kind of originKinds) {
      const model: Finder = engine[kind];
      const { find } = model;
      model.find = async function findHeld(value, options) {
        const shown = await find.call(model, value, options);
        return shown && judged(engine, shown, enforcement);
      };
    }
  },
};

export const narrowedGrants: Patch = {
  members: { 'Grant.find': { method: 1 } },
  reason:
    'A grant is worth what the client, the API and the consent allow now, not what it was worth when it was made.',
  upstream: source('models/base_model.js'),
  apply(engine, { enforcement }) {
    const model = engine.Grant as unknown as { find: FindGrant };
    const find = model.find.bind(model);
    model.find = async (...asked) => findNarrowed(engine, find, asked, enforcement.authority);
  },
};

export const saidLevel: Patch = {
  members: { 'OIDCContext.prototype.acr': 'accessor' },
  reason:
    'A relying party that asks for one of several levels is told one of those, not a higher one that it does not know.',
  upstream: source('helpers/oidc_context.js'),
  apply({ OIDCContext }) {
    Object.defineProperty(OIDCContext.prototype, 'acr', {
      get(this: KoaContextWithOIDC['oidc']): string | undefined {
        return saidAcr(requestedAcr(this.params ?? {}), this.session?.['acr']);
      },
    });
  },
};

/** `promptPending` goes on to say what is to be asked of the user; what is granted is decided in offline-access.ts. */
export const unpromptedOffline: Patch = {
  members: {
    'OIDCContext.prototype.prompts': 'accessor',
    'OIDCContext.prototype.promptPending': { method: 1 },
  },
  reason:
    'The engine drops offline_access from each request without prompt=consent, before it knows the user and what they consented to.',
  upstream: source('actions/authorization/scopes.js'),
  apply({ OIDCContext }) {
    const { prototype } = OIDCContext;
    const { get: asked } = Object.getOwnPropertyDescriptor(prototype, 'prompts') as { get(): Set<string> };
    Object.defineProperty(prototype, 'prompts', {
      get(this: Asking) {
        return new PermittingPrompts(asked.call(this));
      },
    });
    (prototype as unknown as Asking).promptPending = function promptPending(name) {
      const pending = asked.call(this);
      if (this.route.endsWith('resume'))
        for (const answered of Object.keys(this.result ?? {})) pending.delete(answered);
      return pending.has(name);
    };
  },
};

type Asking = { route: string; result?: object; promptPending(name: string): boolean };

/** The prompts of a request, for the one question of the engine that stands in the way: whether consent is among them. */
class PermittingPrompts extends Set<string> {
  override has(name: string): boolean {
    return name === 'consent' || super.has(name);
  }
}

type TokenModel = { format?: string; generateTokenId(): string };

/** A JWT has its form from RFC 9068; everything opaque gets the mark. */
export const tokenIds: Patch = {
  members: Object.fromEntries(markedKinds.map((kind) => [`${kind}.prototype.generateTokenId`, { method: 0 }])),
  reason: 'Opaque values bear a prefix and a checksum, by which scanners of source code know a leaked one.',
  upstream: source('models/formats/opaque.js'),
  apply(engine) {
    for (const kind of markedKinds) markIds(engine[kind].prototype as unknown as TokenModel, kind);
  },
};

function markIds(model: TokenModel, kind: MarkedKind): void {
  const { generateTokenId } = model;
  model.generateTokenId = function markedTokenId() {
    const id = generateTokenId.call(this);
    return this.format === 'jwt' ? id : mark(kind, id);
  };
}

export const successors: Patch = {
  members: { 'RefreshToken.prototype.generateTokenId': { method: 0 } },
  reason: 'Each node must name the same successor of a refresh token, so it is derived and not drawn.',
  upstream: source('actions/grants/refresh_token.js'),
  apply({ RefreshToken }, { rotations }) {
    const model = RefreshToken.prototype as unknown as TokenModel;
    const { generateTokenId } = model;
    model.generateTokenId = function derivedTokenId() {
      return rotations.successor() ?? generateTokenId.call(this);
    };
  },
};

type FindToken = (value: string, options?: unknown) => Promise<object | undefined>;

/** A mark that no token has: what bears it is no JWT to the engine. */
const MARK = '~jwt:';
const isJwt = (text: unknown): text is string => typeof text === 'string' && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);

/** RFC 7662 §2: an API may ask about any access token that was made for it, in whichever format. */
/** As introspection looks an access token up: a JWT by its mark, other values as they are. */
export const markedJwt = <Value>(text: Value): Value | string => (isJwt(text) ? MARK + text : text);

export const introspectedJwts: Patch = {
  members: { 'Client.find': { method: 1 }, 'AccessToken.find': { method: 0 } },
  reason: 'The engine refuses to introspect access tokens that are JWTs.',
  upstream: source('shared/reject_structured_tokens.js'),
  apply(engine, deps) {
    const { find: findClient } = engine.Client;
    engine.Client.find = (clientId: string) => {
      const params = introspected();
      if (params) params['token'] = markedJwt(params['token']);
      return findClient.call(engine.Client, clientId);
    };
    const read = jwtReader(engine, deps);
    const tokens = engine.AccessToken as unknown as { find: FindToken };
    const { find } = tokens;
    tokens.find = async (value, options) => {
      if (!introspected() || !value.startsWith(MARK)) return find.call(tokens, value, options);
      return read(value.slice(MARK.length)).catch(() => undefined);
    };
  },
};

function introspected(): Record<string, unknown> | undefined {
  const ctx = Provider.ctx;
  return ctx?.oidc.route === 'introspection' ? ctx.oidc.params : undefined;
}

export const apiTokens: Patch = {
  members: { 'AccessToken.find': { method: 0 }, 'ClientCredentials.find': { method: 1 } },
  reason:
    'An API of this process takes tokens of users and of clients; userinfo, whose checks it uses, knows only tokens of users.',
  upstream: source('shared/access_token.js'),
  apply({ AccessToken, ClientCredentials }) {
    const users = AccessToken as unknown as { find: FindToken };
    const clients = ClientCredentials as unknown as { find: FindToken };
    const { find } = users;
    users.find = async (value, options) => {
      const found = await find.call(users, value, options);
      return found ?? (route() === API_ROUTE ? clients.find(value, options) : undefined);
    };
  },
};
