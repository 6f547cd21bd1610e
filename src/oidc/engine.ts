import { type Client, type Configuration, errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import { isRegisteredUri } from '#clients/module.ts';
import type { ArtifactAdapter } from './artifacts/adapter.ts';
import { type ClientStore, isClientId } from './client-store.ts';
import { requestedAcr, saidAcr } from './levels.ts';
import { rememberAsAsked } from './sessions/remembered-sessions.ts';
import { storeBegunSessions } from './sessions/session-begin.ts';
import { EngineWithOwnPages } from './pages/response-modes.ts';
import { mark, type MarkedKind, markedKinds } from './artifacts/token-marks.ts';

export type Engine = Provider;
export type TellLogout = (notice: { clientId: string; accountId: string; sid: string | null }) => Promise<void>;

/** One engine for one set of keys and policies. It holds no state of its own, so another may take its place at any moment. */
export function createEngine(
  issuer: string,
  settings: Configuration,
  clients: ClientStore,
  tellLogout: TellLogout,
): Engine {
  const engine = new EngineWithOwnPages(issuer, settings);
  for (const kind of markedKinds) markIds(engine[kind].prototype as unknown as TokenModel, kind);
  // Secrets are stored as hashes, and two of them may be valid at a time.
  engine.Client.prototype.compareClientSecret = function compareClientSecret(actual: string) {
    return clients.verifySecret(this.clientId, actual);
  };
  // The engine would take any spelling of a port, 0 among them.
  engine.Client.prototype.redirectUriAllowed = function redirectUriAllowed(uri: string) {
    return isRegistered(this, this.redirectUris, uri);
  };
  engine.Client.prototype.postLogoutRedirectUriAllowed = function postLogoutRedirectUriAllowed(uri: string) {
    return isRegistered(this, this.postLogoutRedirectUris, uri);
  };
  // The engine would ask the relying party once, now, and forget; a notice waits until it was heard.
  engine.Client.prototype['backchannelLogout'] = async function backchannelLogout(accountId: string, sid?: string) {
    await tellLogout({ clientId: this.clientId, accountId, sid: sid ?? null });
  };
  // The engine looks first and stores then, so that the same proof could be accepted twice at once; one insert cannot.
  engine.ReplayDetection.unique = async function unique(iss: string, jti: string, exp: number) {
    const adapter = engine.ReplayDetection.adapter as unknown as ArtifactAdapter;
    return adapter.insertOnce(`${iss}\u0000${jti}`, exp);
  };
  keepBuiltClients(engine, clients);
  storeBegunSessions(engine, settings);
  rememberAsAsked(engine);
  onlyIdTokens(engine);
  sayTheLevelAskedFor(engine);
  return engine;
}

function isRegistered({ applicationType }: Client, registered: readonly string[] | undefined, uri: string): boolean {
  return isRegisteredUri(uri, {
    registered: registered ?? [],
    applicationType: applicationType === 'native' ? 'native' : 'web',
  });
}

/** A relying party that asks for one of several levels is told one of those, not a higher one that it does not know. */
function sayTheLevelAskedFor({ OIDCContext }: Engine): void {
  Object.defineProperty(OIDCContext.prototype, 'acr', {
    get(this: KoaContextWithOIDC['oidc']): string | undefined {
      return saidAcr(requestedAcr(this.params ?? {}), this.session?.['acr']);
    },
  });
}

/** The engine would write out and hash the metadata of a client with every request to see whether it knows them already. */
function keepBuiltClients({ Client }: Engine, clients: ClientStore): void {
  const built = new WeakMap<object, InstanceType<typeof Client>>();
  const { find } = Client;
  Client.find = async function findBuilt(clientId: string) {
    if (!isClientId(clientId)) return undefined;
    // The same object until the client changes.
    const metadata = await clients.findForEngine(clientId);
    const known = metadata && built.get(metadata);
    if (known) return known;
    const client = await find.call(Client, clientId);
    if (client && metadata && (await clients.findForEngine(clientId)) === metadata) built.set(metadata, client);
    return client;
  };
}

type TokenModel = { format?: string; generateTokenId(): string };

/** A JWT has its form from RFC 9068; everything opaque gets the mark. */
function markIds(model: TokenModel, kind: MarkedKind): void {
  const { generateTokenId } = model;
  model.generateTokenId = function markedTokenId() {
    const id = generateTokenId.call(this);
    return this.format === 'jwt' ? id : mark(kind, id);
  };
}

/** A logout token has the same issuer, audience, subject and key; its type says that it is no ID token (RFC 8725 §3.11). */
function onlyIdTokens({ IdToken }: Engine): void {
  const { validate } = IdToken;
  IdToken.validate = async function validateIdToken(...given) {
    const validated = await validate.apply(IdToken, given);
    const type = validated.header['typ'];
    if (type !== undefined && type !== 'JWT') throw new errors.InvalidRequest('not an ID Token');
    return validated;
  };
}
