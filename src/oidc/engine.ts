import { type Configuration, Provider } from 'oidc-provider';
import type { ArtifactAdapter } from './adapter.ts';
import type { ClientStore } from './client-store.ts';
import { storeBegunSessions } from './session-begin.ts';

/** Marks that let secret scanners know a token of ours when they see one. */
const prefixes = {
  AccessToken: 'lk_at_',
  RefreshToken: 'lk_rt_',
  ClientCredentials: 'lk_at_',
  AuthorizationCode: 'lk_ac_',
  InitialAccessToken: 'lk_it_',
  RegistrationAccessToken: 'lk_rg_',
} as const;

export type Engine = Provider;
export type TellLogout = (notice: { clientId: string; accountId: string; sid: string | null }) => Promise<void>;

/** One engine for one set of keys and policies. It holds no state of its own, so another may take its place at any moment. */
export function createEngine(
  issuer: string,
  settings: Configuration,
  clients: ClientStore,
  tellLogout: TellLogout,
): Engine {
  const engine = new Provider(issuer, settings);
  for (const [kind, prefix] of Object.entries(prefixes))
    markIds(engine[kind as keyof typeof prefixes].prototype as unknown as TokenModel, prefix);
  // Secrets are stored as hashes, and two of them may be valid at a time.
  engine.Client.prototype.compareClientSecret = function compareClientSecret(actual: string) {
    return clients.verifySecret(this.clientId, actual);
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
  storeBegunSessions(engine, settings);
  return engine;
}

type TokenModel = { format?: string; generateTokenId(): string };

/** A JWT has its form from RFC 9068; everything opaque gets the mark. */
function markIds(model: TokenModel, prefix: string): void {
  const { generateTokenId } = model;
  model.generateTokenId = function markedTokenId() {
    const id = generateTokenId.call(this);
    return this.format === 'jwt' ? id : prefix + id;
  };
}
