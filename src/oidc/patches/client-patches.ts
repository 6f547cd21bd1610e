import { isClientId } from '../client-store.ts';
import { type Patch, source } from './patch.ts';
import { type Client, Provider, type KoaContextWithOIDC } from 'oidc-provider';
import { requireAnotherTry } from '../client-authentication/client-authentication.ts';
import { isRegisteredUri } from '#applications/clients/module.ts';
import { noteDisabledClient } from '../refusals.ts';
import { readAudience } from '../resources.ts';
import { withoutOrganizations } from '../organizations/asked-organization.ts';
import type { OrganizationRequests } from '../organizations/organization-requests.ts';
import { type Origin, originIn, originKinds } from '../authority/origin.ts';
import { isVerifyingAssertion } from '../client-authentication/client-assertions.ts';
import { ASSERTION_CLOCK_SKEW } from '../limits.ts';
import { settingsOf } from './inner-parts.ts';
import type { ArtifactAdapter } from '../artifacts/adapter.ts';

export const builtClients: Patch = {
  members: { 'Client.find': { method: 1 } },
  reason:
    'The engine writes out and hashes the metadata of a client with every request, to see whether it knows them already.',
  upstream: source('models/client.js'),
  apply({ Client }, { clients }) {
    const built = new WeakMap<object, InstanceType<typeof Client>>();
    const { find } = Client;
    Client.find = async function findBuilt(clientId: string) {
      if (!isClientId(clientId)) return undefined;
      // The same object until the client changes.
      const metadata = await clients.findForEngine(clientId);
      if (!metadata) {
        if (await clients.isDisabled(clientId)) noteDisabledClient();
        return undefined;
      }
      const known = built.get(metadata);
      if (known) return known;
      const client = await find.call(Client, clientId);
      if (client && (await clients.findForEngine(clientId)) === metadata) built.set(metadata, client);
      return client;
    };
  },
};

export const clientSecrets: Patch = {
  members: { 'Client.prototype.compareClientSecret': { method: 1 } },
  reason: 'Secrets are stored as hashes, and two of them may be valid at a time.',
  upstream: 'https://github.com/panva/node-oidc-provider/issues/631',
  apply({ Client }, { clients }) {
    Client.prototype.compareClientSecret = function compareClientSecret(actual: string) {
      return clients.verifySecret(this.clientId, actual);
    };
  },
};

export const guardedClients: Patch = {
  members: { 'Client.find': { method: 1 } },
  reason:
    'Failed attempts to authenticate a client are counted from the moment when the engine learns which client it is.',
  upstream: source('shared/client_auth.js'),
  apply(engine, { authentication }) {
    const { find } = engine.Client;
    engine.Client.find = async function findGuarded(clientId: string): Promise<Client | undefined> {
      const client = await find.call(engine.Client, clientId);
      if (Provider.ctx) await requireAnotherTry(Provider.ctx, { clientId, client }, authentication);
      return client;
    };
  },
};

/** The engine compares an audience before it verifies the signature. It is compared by our rule afterwards (`assertClientAssertion`). */
class EveryAudience extends Set<string> {
  override has(): boolean {
    return true;
  }
}

export const assertionRules: Patch = {
  members: { 'OIDCContext.prototype.clientJwtAuthExpectedAudience': { method: 0 } },
  reason:
    'A client learns what is wrong with an assertion once its signature is right. The clocks of clients may differ more than the engine allows, which has one tolerance for assertions, codes and tokens.',
  upstream: source('shared/jwt_client_auth.js'),
  apply(engine) {
    engine.OIDCContext.prototype.clientJwtAuthExpectedAudience = () => new EveryAudience();
    const settings = settingsOf(engine);
    const { clockTolerance } = settings;
    Object.defineProperty(settings, 'clockTolerance', {
      get: () => (isVerifyingAssertion(Provider.ctx) ? ASSERTION_CLOCK_SKEW : clockTolerance),
    });
  },
};

export const audiences: Patch = {
  members: { 'Client.find': { method: 1 } },
  reason:
    'Libraries for other servers name an API by `audience`, which the engine drops; the API is known when the client is. So is whether a scope at the token endpoint names an organization.',
  upstream: source('shared/check_resource.js'),
  apply(engine, { enforcement }) {
    const { find } = engine.Client;
    engine.Client.find = async function findAndReadAudience(clientId: string): Promise<Client | undefined> {
      const client = await find.call(engine.Client, clientId);
      if (!Provider.ctx || !client) return client;
      await readAudience(enforcement.apis, Provider.ctx, clientId);
      leaveOrganizationsOut(Provider.ctx, client);
      return client;
    };
  },
};

/** It is read from the body (organizations/asked-organization.ts). */
function leaveOrganizationsOut({ oidc }: KoaContextWithOIDC, client: Client): void {
  if (oidc.route !== 'token' || !oidc.params) return;
  oidc.params['scope'] = withoutOrganizations(client, oidc.params['scope'] as string | undefined);
}

export const redirectUris: Patch = {
  members: {
    'Client.prototype.redirectUriAllowed': { method: 1 },
    'Client.prototype.postLogoutRedirectUriAllowed': { method: 1 },
  },
  reason: 'The engine takes any spelling of a loopback port, 0 among them.',
  upstream: 'https://github.com/panva/node-oidc-provider/issues/249',
  apply({ Client }) {
    Client.prototype.redirectUriAllowed = function redirectUriAllowed(uri: string) {
      return isRegistered(this, this.redirectUris, uri);
    };
    Client.prototype.postLogoutRedirectUriAllowed = function postLogoutRedirectUriAllowed(uri: string) {
      return isRegistered(this, this.postLogoutRedirectUris, uri);
    };
  },
};

function isRegistered({ applicationType }: Client, registered: readonly string[] | undefined, uri: string): boolean {
  return isRegisteredUri(uri, {
    registered: registered ?? [],
    applicationType: applicationType === 'native' ? 'native' : 'web',
  });
}

export const redirectUriChecks: Patch = {
  members: { 'OIDCContext.redirectUriCheckPerformed': 'assigned' },
  reason:
    'The engine takes the redirect URI of a request that is resumed for checked, and sends errors there; it is checked again, as the client is registered now.',
  upstream: source('actions/authorization/resume.js'),
  apply({ OIDCContext }) {
    const checked = new WeakSet<object>();
    Object.defineProperty(OIDCContext.prototype, 'redirectUriCheckPerformed', {
      get(this: KoaContextWithOIDC['oidc']): boolean {
        return this.route !== 'resume' && checked.has(this);
      },
      set(this: object, isChecked: boolean) {
        if (isChecked) checked.add(this);
        else checked.delete(this);
      },
    });
  },
};

type Model = { accountId?: string | undefined; kind: string; origin?: Origin | undefined };
type ModelClass = { readonly IN_PAYLOAD: readonly string[]; prototype: Model & { save(): Promise<string> } };

export const origins: Patch = {
  members: Object.fromEntries(
    originKinds.flatMap((kind) => [
      [`${kind}.IN_PAYLOAD`, 'list'],
      [`${kind}.prototype.save`, { method: 0 }],
    ]),
  ),
  reason: 'Each token and code keeps how it came to be, by which it is judged when it is used.',
  upstream: source('models/base_token.js'),
  apply(engine, { organizations }) {
    for (const kind of originKinds) keepOriginOf(engine[kind], organizations);
  },
};

function keepOriginOf(model: ModelClass, organizations: OrganizationRequests): void {
  const members = [...model.IN_PAYLOAD, 'origin'];
  Object.defineProperty(model, 'IN_PAYLOAD', { get: () => members });
  const { save } = model.prototype;
  model.prototype.save = async function saveWithOrigin() {
    const ctx = Provider.ctx;
    // A device code has no user until one answers.
    const isWaiting = this.kind === 'DeviceCode' && this.accountId === undefined;
    if (ctx && !isWaiting) this.origin ??= await originIn(ctx, this.kind, organizations);
    return save.call(this);
  };
}

export const replayDetection: Patch = {
  members: { 'ReplayDetection.unique': { method: 3 }, 'ReplayDetection.adapter': 'property' },
  reason:
    'The engine looks first and stores then, so that one proof could be accepted twice at once; one insert cannot.',
  upstream: source('models/replay_detection.js'),
  apply(engine) {
    engine.ReplayDetection.unique = async function unique(iss: string, jti: string, exp: number) {
      const adapter = engine.ReplayDetection.adapter as unknown as ArtifactAdapter;
      return adapter.insertOnce(`${iss}\u0000${jti}`, exp);
    };
  },
};
