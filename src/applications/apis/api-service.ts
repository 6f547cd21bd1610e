import { LockMode, UniqueConstraintViolationException } from '@mikro-orm/core';
import { z } from 'zod';
import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import { LONGEST_JWT_SECONDS } from '#settings/module.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { newId, parseId } from '#kernel/ids.ts';
import { containing, type Page, pageFind, pageOf, type PageRequest } from '#kernel/operations/list-operation.ts';
import { ApiResource } from './api-resource.ts';
import { apiSigningAlgs, tokenFormats } from './api-tokens.ts';
import { changesBetween } from '#applications/clients/changes.ts';
import { apiChanged, apiCreated, apiDeleted } from '#applications/clients/events.ts';
import { standardScopes } from '#applications/clients/client-metadata.ts';
import { apiInvalid, apiNotFound, apiTaken, scopeNotFound, scopeTaken } from '#applications/clients/errors.ts';
import { OWN_API } from './api-lookup.ts';
import { objectionToName, objectionToShownText } from '#applications/clients/shown-name.ts';
import { DEFAULT_TOKEN_SECONDS, LONGEST_OPAQUE_SECONDS } from '#applications/clients/limits.ts';

const scopeSchema = z.strictObject({
  /** RFC 6749 §3.3, scope-token. */
  name: z
    .string()
    .regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, 'must be a scope token without spaces')
    .refine(
      (name) => name !== '*' && !(standardScopes as readonly string[]).includes(name),
      'must not be a scope of OpenID Connect or *',
    ),
  description: z
    .string()
    .max(512)
    .refine((text) => objectionToShownText(text) === null, 'must be text that can be seen, in one line')
    .default(''),
});

const apiSchema = z
  .strictObject({
    identifier: z
      .string()
      .max(2048)
      .refine(isIdentifier, 'must be an absolute URI without fragment, such as https://api.example.com'),
    name: z.string().refine((name) => objectionToName(name) === null, 'must have 1 to 128 visible characters'),
    scopes: z
      .array(scopeSchema)
      .max(200)
      .refine((scopes) => new Set(scopes.map(({ name }) => name)).size === scopes.length, 'must name each scope once')
      .default([]),
    tokenFormat: z.enum(tokenFormats).default('jwt'),
    accessTokenSeconds: z.int().min(30).max(LONGEST_OPAQUE_SECONDS).default(DEFAULT_TOKEN_SECONDS),
    signingAlg: z.enum(apiSigningAlgs).default('ES256'),
    organizationPermissions: z.boolean().default(false),
    instancePermissions: z.boolean().default(false),
  })
  .refine((api) => api.tokenFormat === 'opaque' || api.accessTokenSeconds <= LONGEST_JWT_SECONDS, {
    path: ['accessTokenSeconds'],
    error: `must be at most ${LONGEST_JWT_SECONDS} for JWTs, which cannot be revoked`,
  });

/** Lifetimes in seconds. Missing members have defaults: no scopes, JWTs signed with ES256 that live ten minutes. */
type NewApi = {
  identifier: string;
  name: string;
  scopes?: readonly { name: string; description?: string | undefined }[] | undefined;
  tokenFormat?: string | undefined;
  accessTokenSeconds?: number | undefined;
  signingAlg?: string | undefined;
  organizationPermissions?: boolean | undefined;
  instancePermissions?: boolean | undefined;
};
/** Members that are null have their default again. */
type ApiChange = { [M in keyof Omit<NewApi, 'identifier'>]?: NewApi[M] | null | undefined };
type ApiScopes = readonly { name: string; description: string }[];

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'em' | 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  /** After a change was committed. */
  changed: (identifier: string) => Promise<void>;
};

/** Resource servers: the APIs that access tokens are made for, with their scopes. */
export class ApiService {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /** Throws apis.invalid, apis.identifier_taken. */
  async create(input: NewApi, by: By): Promise<ApiResource> {
    const values = read(given(input));
    if (values.identifier === OWN_API) throw apiTaken();
    const now = this.#deps.clock.now();
    const api = await this.#deps.database.transaction(async (em) => {
      const created = em.create(ApiResource, { id: newId('api'), ...values, createdAt: now, updatedAt: now });
      await em.flush().catch((error: unknown) => {
        throw error instanceof UniqueConstraintViolationException ? apiTaken() : error;
      });
      await this.#deps.audit.record(
        em,
        apiCreated({ ...of(created, by), details: { identifier: created.identifier, after: values } }),
      );
      return created;
    });
    await this.#deps.changed(api.identifier);
    return api;
  }

  async find(identifier: string): Promise<ApiResource | null> {
    return this.#deps.database.em().findOne(ApiResource, { identifier });
  }

  /** Throws apis.not_found. */
  async require(identifier: string): Promise<ApiResource> {
    const api = await this.find(identifier);
    if (!api) throw apiNotFound();
    return api;
  }

  /** By its id or its identifier. Throws apis.not_found. */
  async requireNamed(name: string): Promise<ApiResource> {
    const id = parseId('api', name);
    const api = id === null ? await this.find(name) : await this.#deps.database.em().findOne(ApiResource, { id });
    if (!api) throw apiNotFound();
    return api;
  }

  /** A page of those that match. */
  async page(
    { search }: { search?: string | undefined },
    page: PageRequest<'created_at' | 'name' | 'identifier'>,
  ): Promise<Page<ApiResource>> {
    const found = search === undefined ? undefined : { $ilike: containing(search) };
    const matching = found === undefined ? {} : { $or: [{ name: found }, { identifier: found }] };
    const members = { created_at: ['id'], name: ['name', 'id'], identifier: ['identifier'] }[page.sort];
    const { where, options } = pageFind(page, members);
    const em = this.#deps.database.em();
    const [rows, total] = await Promise.all([
      em.find(ApiResource, { $and: [matching, where] }, options),
      page.wantsTotal ? em.count(ApiResource, matching) : undefined,
    ]);
    const positionOf = (api: ApiResource) => members.map((member) => api[member as 'id' | 'name' | 'identifier']);
    return { ...pageOf(rows, page, { show: (api) => api, positionOf }), total };
  }

  /** The identifier stays: it is in tokens and in the configuration of clients. Throws apis.not_found, apis.invalid. */
  async change(identifier: string, change: ApiChange, by: By): Promise<ApiResource> {
    return this.#change(identifier, () => change, by);
  }

  /** Throws apis.not_found, apis.invalid, apis.scope_exists. */
  async addScope(identifier: string, scope: { name: string; description: string }, by: By): Promise<ApiResource> {
    return this.#change(
      identifier,
      ({ scopes }) => {
        if (scopes.some(({ name }) => name === scope.name)) throw scopeTaken();
        return { scopes: [...scopes, scope] };
      },
      by,
    );
  }

  /** Throws apis.not_found, apis.invalid, apis.scope_not_found. */
  async changeScope(identifier: string, name: string, description: string, by: By): Promise<ApiResource> {
    return this.#change(identifier, ({ scopes }) => ({ scopes: replaced(scopes, name, [{ name, description }]) }), by);
  }

  /** Clients that were allowed the scope keep the name, without effect. Throws apis.not_found, apis.scope_not_found. */
  async removeScope(identifier: string, name: string, by: By): Promise<ApiResource> {
    return this.#change(identifier, ({ scopes }) => ({ scopes: replaced(scopes, name, []) }), by);
  }

  async #change(identifier: string, changeOf: (api: { scopes: ApiScopes }) => ApiChange, by: By): Promise<ApiResource> {
    const api = await this.#deps.database.transaction(async (em) => {
      const known = await take(em, identifier);
      const before = valuesOf(known);
      const change = { ...given(changeOf(known)) };
      if (change['name'] === null) change['name'] = identifier;
      const after = read(
        Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, value]) => value !== null)),
      );
      Object.assign(known, after, { updatedAt: this.#deps.clock.now() });
      await em.flush();
      await this.#deps.audit.record(
        em,
        apiChanged({ ...of(known, by), details: { identifier, ...changesBetween(before, after) } }),
      );
      return known;
    });
    await this.#deps.changed(identifier);
    return api;
  }

  /** Throws apis.not_found. */
  async delete(identifier: string, by: By): Promise<void> {
    await this.#deps.database.transaction(async (em) => {
      const api = await take(em, identifier);
      await this.#deps.audit.record(em, apiDeleted({ ...of(api, by), details: { identifier, before: valuesOf(api) } }));
      em.remove(api);
      await em.flush();
    });
    await this.#deps.changed(identifier);
  }
}

const of = ({ id }: ApiResource, by: By) => ({ ...by, subject: { type: 'api', id } });

function read(input: unknown): z.output<typeof apiSchema> {
  const parsed = apiSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw apiInvalid(
    Object.fromEntries(parsed.error.issues.map((issue) => [issue.path.join('.') || 'api', issue.message])),
  );
}

/** The scopes, with this one replaced in its place. Throws apis.scope_not_found. */
function replaced(scopes: ApiScopes, name: string, by: ApiScopes): ApiScopes {
  if (!scopes.some((scope) => scope.name === name)) throw scopeNotFound();
  return scopes.flatMap((scope) => (scope.name === name ? by : [scope]));
}

function given(input: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}

async function take(em: EntityManager, identifier: string): Promise<ApiResource> {
  const api = await em.findOne(ApiResource, { identifier }, { lockMode: LockMode.PESSIMISTIC_WRITE });
  if (!api) throw apiNotFound();
  return api;
}

function valuesOf({
  identifier,
  name,
  scopes,
  tokenFormat,
  accessTokenSeconds,
  signingAlg,
  organizationPermissions,
  instancePermissions,
}: ApiResource): z.output<typeof apiSchema> {
  const rights = { organizationPermissions, instancePermissions };
  return { identifier, name, scopes, tokenFormat, accessTokenSeconds, signingAlg, ...rights };
}

/** RFC 8707 §2: an absolute URI without a fragment. */
function isIdentifier(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null &&
    /^[\x21-\x7e]+$/.test(text) &&
    !text.includes('#') &&
    url.username === '' &&
    !['javascript:', 'data:', 'vbscript:', 'file:', 'blob:'].includes(url.protocol)
  );
}
