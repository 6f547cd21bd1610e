import { z } from 'zod';
import { operator } from '#audit/module.ts';
import { DAY, SECOND } from '#kernel/clock.ts';
import { parseId } from '#kernel/ids.ts';
import { apiAccessSchema } from './api-access.ts';
import type { ApiResource } from './api-resource.ts';
import type { ApiService } from './api-service.ts';
import type { Client } from './client.ts';
import { clientProfiles } from './client-profile.ts';
import type { ClientSecrets } from './client-secrets.ts';
import type { ClientService } from './client-service.ts';
import { visible } from './client-wire.ts';
import { clientTypes } from './client-type.ts';
import { apiInvalid, metadataInvalid } from './errors.ts';
import { LISTED_PAGE, LONGEST_OVERLAP_SECONDS } from './limits.ts';

const inWords = (allowed: readonly string[]): string => `must be one of ${allowed.join(', ')}`;
/** Members of ours; every other member is client metadata and validated as such. */
const changeInput = z.looseObject({
  name: z.string().optional(),
  profile: z.enum(clientProfiles, inWords(clientProfiles)).optional(),
  first_party: z.boolean().optional(),
  disabled: z.boolean().optional(),
  apis: apiAccessSchema.optional(),
});
const createInput = changeInput.omit({ disabled: true }).extend({
  name: z.string('must be given'),
  type: z.enum(clientTypes, inWords(clientTypes)),
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
});
const oneClient = z.object({ client_id: z.string('must be given') });
const rotateInput = oneClient.extend({
  overlap_seconds: z
    .int()
    .min(0)
    .max(LONGEST_OVERLAP_SECONDS)
    .default(DAY / SECOND),
});
const addInput = oneClient.extend({ expires_in_seconds: z.int().min(1).optional() });
const apiInput = z.strictObject({
  identifier: z.string('must be given'),
  name: z.string().optional(),
  scopes: z.array(z.object({ name: z.string(), description: z.string().default('') })).optional(),
  token_format: z.string().optional(),
  access_token_seconds: z.number().optional(),
  signing_alg: z.string().optional(),
});
const oneApi = z.object({ identifier: z.string('must be given') });

/** `latchkey client …` and `latchkey api …`: members in and out are named as on the wire (RFC 7591 §2 and §3.2.1). */
export function clientCommands({
  clients,
  secrets,
  apis,
}: {
  clients: ClientService;
  secrets: ClientSecrets;
  apis: ApiService;
}) {
  async function change(clientId: string, values: Parameters<ClientService['change']>[1]) {
    const { client, secret } = await clients.change(clientId, values, operator);
    return { ...clientOnWire(client), ...secretOnWire(secret) };
  }

  return {
    async 'client.create'(input: unknown) {
      const {
        name,
        type,
        profile,
        first_party: firstParty,
        client_id: clientId,
        client_secret: clientSecret,
        apis: access,
        ...metadata
      } = read(createInput, input);
      const { client, secret } = await clients.create(
        { name, type, profile, firstParty, clientId, clientSecret, apis: access, metadata: metadata },
        operator,
      );
      return { ...clientOnWire(client), ...secretOnWire(secret) };
    },
    async 'client.list'() {
      return {
        clients: (await everything((after?: Client['id']) => clients.list({ limit: LISTED_PAGE, after }))).map(
          clientOnWire,
        ),
      };
    },
    /** Secrets are named by their ids; the secrets themselves were shown once. */
    async 'client.show'(input: unknown) {
      const client = await clients.require(read(oneClient, input).client_id);
      const valid = await secrets.list(client);
      return {
        ...clientOnWire(client),
        client_secrets: valid.map(({ id, createdAt, expiresAt }) => ({
          id,
          created_at: createdAt.toISOString(),
          expires_at: expiresAt?.toISOString() ?? null,
        })),
      };
    },
    /** Metadata that are null go back to their default; what is not named stays. */
    async 'client.change'(input: unknown) {
      const { client_id: clientId, ...rest } = read(changeInput.extend(oneClient.shape), input);
      const { name, profile, first_party: firstParty, disabled, apis: access, ...metadata } = rest;
      return change(clientId, {
        name,
        profile,
        firstParty,
        disabled,
        apis: access,
        metadata: metadata,
      });
    },
    async 'client.disable'(input: unknown) {
      return change(read(oneClient, input).client_id, { disabled: true });
    },
    async 'client.enable'(input: unknown) {
      return change(read(oneClient, input).client_id, { disabled: false });
    },
    async 'client.delete'(input: unknown) {
      const { client_id: clientId } = read(oneClient, input);
      await clients.delete(clientId, operator);
      return { client_id: clientId, deleted: true };
    },
    /** The newest secret stays valid for a day, unless `overlap_seconds` says otherwise. */
    async 'client.rotate-secret'(input: unknown) {
      const { client_id: clientId, overlap_seconds: overlapSeconds } = read(rotateInput, input);
      const { id, secret } = await secrets.rotate(clientId, { overlapSeconds }, operator);
      return { client_id: clientId, client_secret_id: id, ...secretOnWire(secret) };
    },
    async 'client.add-secret'(input: unknown) {
      const { client_id: clientId, expires_in_seconds: expiresInSeconds } = read(addInput, input);
      const { id, secret, expiresAt } = await secrets.add(clientId, { expiresInSeconds }, operator);
      return { client_id: clientId, client_secret_id: id, ...secretOnWire(secret, expiresAt) };
    },
    async 'client.remove-secret'(input: unknown) {
      const { client_id: clientId, client_secret_id: text } = read(
        oneClient.extend({ client_secret_id: z.string('must be given') }),
        input,
      );
      const id = parseId('csec', text);
      if (!id) throw metadataInvalid({ client_secret_id: 'must be an id that client show names' });
      await secrets.remove(clientId, id, operator);
      return { client_id: clientId, client_secret_id: id, deleted: true };
    },
    async 'api.create'(input: unknown) {
      const {
        identifier,
        name = identifier,
        token_format: tokenFormat,
        access_token_seconds: accessTokenSeconds,
        signing_alg: signingAlg,
        scopes,
      } = read(apiInput, input, apiInvalid);
      return apiOnWire(
        await apis.create({ identifier, name, tokenFormat, accessTokenSeconds, signingAlg, scopes }, operator),
      );
    },
    async 'api.list'() {
      return {
        apis: (await everything((after?: ApiResource['id']) => apis.list({ limit: LISTED_PAGE, after }))).map(
          apiOnWire,
        ),
      };
    },
    async 'api.delete'(input: unknown) {
      const { identifier } = read(oneApi, input, apiInvalid);
      await apis.delete(identifier, operator);
      return { identifier, deleted: true };
    },
  };
}

/** A client as the command line and the management API show one. */
function clientOnWire(client: Client): Record<string, unknown> & { client_id: string } {
  return {
    client_id: client.clientId,
    client_id_issued_at: Math.floor(client.createdAt.getTime() / SECOND),
    ...visible(client),
  };
}

function secretOnWire(
  secret: string | undefined,
  expiresAt: Date | null = null,
): { client_secret?: string; client_secret_expires_at?: number } {
  return secret === undefined
    ? {}
    : { client_secret: secret, client_secret_expires_at: expiresAt ? Math.floor(expiresAt.getTime() / SECOND) : 0 };
}

function apiOnWire({
  id,
  identifier,
  name,
  scopes,
  tokenFormat,
  accessTokenSeconds,
  signingAlg,
}: ApiResource): Record<string, unknown> & { id: string } {
  return {
    id,
    identifier,
    name,
    scopes,
    token_format: tokenFormat,
    access_token_seconds: accessTokenSeconds,
    signing_alg: signingAlg,
  };
}

async function everything<T extends { id: string }>(page: (after?: T['id']) => Promise<T[]>): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const rows = await page(all.at(-1)?.id);
    all.push(...rows);
    if (rows.length < LISTED_PAGE) return all;
  }
}

function read<S extends z.ZodType>(
  schema: S,
  input: unknown,
  refuse: (problems: Record<string, string>) => Error = metadataInvalid,
): z.output<S> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw refuse(
    Object.fromEntries(parsed.error.issues.map((issue) => [issue.path.join('.') || 'input', issue.message])),
  );
}
