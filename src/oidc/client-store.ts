import { type Adapter, errors } from 'oidc-provider';
import { AppError } from '#kernel/errors.ts';
import { PROFILE_MEMBER } from '#applications/clients/module.ts';
import type { Policies } from '#settings/module.ts';
import { responseTypes } from './profiles.ts';

/** The functions of the clients slice that the engine needs. */
export type ClientStore = {
  /** Metadata as the engine reads it (RFC 7591 names); undefined for a client that is unknown or disabled. */
  findForEngine(clientId: string): Promise<Record<string, unknown> | undefined>;
  /** Why there is no such client, for the log. */
  isDisabled(clientId: string): Promise<boolean>;
  /** Compares with every secret that is valid now, in constant time. */
  verifySecret(clientId: string, secret: string): Promise<boolean>;
  saveRegistered(metadata: Record<string, unknown>): Promise<void>;
  removeRegistered(clientId: string): Promise<void>;
};

/** A client identifier as we make them or accept them at registration; anything else cannot exist. */
const identifier = /^[\x21-\x7e]{1,255}$/;

/** The engine also looks up untrusted values of a JWT: the audience of an ID Token hint may be anything. */
export const isClientId = (id: unknown): id is string => typeof id === 'string' && identifier.test(id);

const never = async (): Promise<never> => {
  throw new Error('clients are neither consumed nor found by another key');
};

/**
 * The engine's view of clients: reads go to the clients slice, dynamic registration writes through it. Where policy allows
 * codes alone, a client that was registered for more is limited to them.
 */
export function clientAdapter(clients: ClientStore, policies: Policies<'oidc'>): Adapter {
  return {
    async find(id) {
      const client = isClientId(id) ? await clients.findForEngine(id) : undefined;
      if (!client) return undefined;
      return policies.for({ client: id }).oidc.responseTypes === 'code' ? withoutFrontChannel(client) : client;
    },
    upsert: async (_id, payload) => clients.saveRegistered(payload as Record<string, unknown>).catch(refuse),
    destroy: async (id) => clients.removeRegistered(id),
    findByUid: never,
    findByUserCode: never,
    consume: never,
    revokeByGrantId: never,
  };
}

/**
 * A client that has registered more goes on with `code` while a policy forbids the rest; the engine would know the whole
 * client no more. The response type of its profile stays: it returns no access token.
 */
function withoutFrontChannel(client: Record<string, unknown>): Record<string, unknown> {
  const { response_types: responses, grant_types: grants } = client as Record<string, readonly string[] | undefined>;
  const allowed: readonly string[] = responseTypes({ responseTypes: 'code' }, client[PROFILE_MEMBER]);
  if (!responses?.some((type) => !allowed.includes(type))) return client;
  return {
    ...client,
    response_types: responses.filter((type) => allowed.includes(type)),
    grant_types: grants?.filter((grant) => grant !== 'implicit'),
  };
}

/** RFC 6749 §5.2 allows these characters in an error_description. */
const notDescribable = /[^\x20\x21\x23-\x5b\x5d-\x7e]/g;

/** A refusal by the clients slice is an error of the registration (RFC 7591 §3.2.2) and names the wrong member. */
function refuse(error: unknown): never {
  if (!(error instanceof AppError) || error.status >= 500) throw error;
  const members = Object.entries(error.details ?? {}).map(([member, text]) => `${member} ${String(text)}`);
  throw new errors.InvalidClientMetadata(
    (members.length > 0 ? members.join('; ') : error.message).replace(notDescribable, "'"),
    { cause: error },
  );
}
