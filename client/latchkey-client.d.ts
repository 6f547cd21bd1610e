import type { Client } from 'openapi-fetch';
import type { components, paths } from './api.d.ts';

export type { components, operations, paths } from './api.d.ts';

/** The objects of the API by their names: `Schemas['User']`. */
export type Schemas = components['schemas'];
/** A refusal (RFC 9457). Compare `code`. */
export type Problem = Schemas['Problem'];

export type LatchkeyClient = Client<paths, 'application/json'>;

type Common = {
  /** The issuer of the instance, `https://id.example.com`. */
  issuer: string;
  /** Sends each POST with a new `Idempotency-Key`, unless the call gives one. */
  idempotencyKeys?: boolean;
  /** In place of the `fetch` of the runtime. */
  fetch?: (request: Request) => Promise<Response>;
};

/** Creates a client with a token, or with the credentials of a machine client, for which it gets and renews tokens. */
export function createLatchkey(
  options: Common &
    (
      | { clientId: string; clientSecret: string; scope?: string; token?: undefined }
      | { token: string | (() => string | Promise<string>) }
    ),
): LatchkeyClient;

/** A refusal of the API or of the token endpoint. */
export class LatchkeyError extends Error {
  readonly problem: Problem | undefined;
  readonly status: number;
  readonly code: string | undefined;
}

type Answer<Data> = { data?: Data; error?: unknown; response: Response };

/** The answer of a call; throws a LatchkeyError where the API refused. */
export function orThrow<Data>(call: Promise<Answer<Data>>): Promise<NonNullable<Data>>;

type Listing<Path extends keyof paths> = paths[Path] extends {
  get: { responses: { 200: { content: { 'application/json': infer Page } } } };
}
  ? Page extends { next_cursor: string | null }
    ? Page
    : never
  : never;

/** The paths of lists. */
export type ListPath = { [Path in keyof paths]: Listing<Path> extends never ? never : Path }[keyof paths];

type EntryOf<Page> = {
  [Member in keyof Page]-?: Page[Member] extends readonly (infer Entry)[] ? Entry : never;
}[keyof Page];

type ListParameters<Path extends ListPath> = paths[Path] extends { get: { parameters: infer Parameters } }
  ? { [Place in keyof Parameters as Place extends 'path' | 'query' ? Place : never]: Parameters[Place] }
  : never;

/** Every object of a list, page by page. Throws a LatchkeyError. */
export function all<Path extends ListPath>(
  client: LatchkeyClient,
  path: Path,
  init?: { params?: ListParameters<Path> },
): AsyncGenerator<EntryOf<Listing<Path>>, void, undefined>;
