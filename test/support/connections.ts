import { createConnections } from '#connections/module.ts';
import { createIdentities } from '#directory/identities/module.ts';
import { connectionOperations } from '#connections/operations.ts';
import { KnownOrganizations } from '#directory/organizations/module.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { createOutbound } from '#kernel/http/outbound.ts';
import { createInvalidation } from '#kernel/invalidation.ts';
import { createLog } from '#kernel/log.ts';
import { createMessages } from '#saml/messages/module.ts';
import { bindOperations } from '#kernel/operations/bound-operation.ts';
import { recordingAudit } from './audit.ts';
import { testClock } from './clock.ts';
import { keyRingSecret } from './clients.ts';
import { noRoles } from './no-roles.ts';
import { samlKey } from './saml-keys.ts';
import { callOperation } from './operations.ts';
import type { Upstream } from './upstream.ts';

type Options = {
  secrets?: readonly string[];
  /** Where requests to providers go; none leave without it. */
  upstream?: Pick<Upstream, 'reach'>;
  allow?: readonly string[];
};

export const issuer = 'https://id.example';

const ours = await samlKey('RSA 2048', 'service provider');
/** The keys of this instance for messages of SAML. */
export const samlKeys = {
  signingKey: () => Promise.resolve(ours),
  decryptionKeys: () => Promise.resolve([ours.privateKey]),
  published: () => Promise.resolve({ signing: [ours.certificate], encryption: [ours.certificate] }),
};

/** One node's connections slice on a database. */
export function connectionsOn(
  database: Database,
  { secrets = [keyRingSecret], upstream, allow = ['127.0.0.1'] }: Options = {},
) {
  const clock = testClock();
  const audit = recordingAudit();
  const lines: Record<string, unknown>[] = [];
  const quiet = createLog({ level: 'silent' });
  const invalidation = createInvalidation({ redis: null, database, databaseUrl: undefined, log: quiet });
  const keyRing = createKeyRing(secrets);
  const identities = createIdentities({ clock, database, keyRing, audit });
  const outbound = createOutbound({ allow, log: quiet });
  const messages = createMessages();
  const slice = createConnections({
    clock,
    database,
    keyRing,
    audit,
    invalidation,
    issuer,
    messages,
    samlKeys,
    tokens: identities.tokens,
    roles: noRoles,
    deletion: { findStranded: async () => [], domains: { demandingOtherThan: async () => [] } },
    properties: () => ['team'],
    clients: { find: async (id) => (id.startsWith('unknown') ? null : { id }) },
    throttle: { consume: async () => ({ allowed: true }) },
    organizations: new KnownOrganizations({ clock, database, invalidation }),
    domains: { ownerOf: async () => null },
    users: { find: async () => null },
    isOwner: async () => false,
    outbound: {
      limited: (limits) => (url, init) => outbound.limited(limits)(upstream?.reach(String(url)) ?? String(url), init),
    },
    log: { warn: (fields: object) => void lines.push(fields as Record<string, unknown>) },
  });
  const operations = bindOperations(connectionOperations, {
    ...slice,
    roleHolders: { requireRightsOver: async () => undefined },
  });
  return {
    ...slice,
    audit,
    clock,
    /** Lines of the log. */
    lines,
    call: (name: string, members?: unknown) =>
      callOperation<Record<string, unknown> & { id: string; connections: { slug: string }[] }>(
        operations,
        name,
        members,
      ),
    close: async () => {
      await outbound.close();
      await messages.close();
    },
  };
}

/** Goes to a provider as a browser does and comes back with a code. `alter` changes the answer on its way. */
export async function signInAt(
  { upstream }: Pick<ReturnType<typeof connectionsOn>, 'upstream'>,
  connection: string,
  alter: (parameters: URLSearchParams) => void = () => {},
) {
  const { location, transaction } = await upstream.begin({ connection, purpose: 'sign-in' });
  const asked = new URL(location).searchParams;
  const parameters = new URLSearchParams({ code: asked.get('nonce') ?? 'code', state: asked.get('state')! });
  alter(parameters);
  return upstream.finish({ connection, transaction, parameters });
}
