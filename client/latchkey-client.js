// The typed client of the management API. Plain JavaScript with its types next to it, so that it runs where it is installed.
import createClient from 'openapi-fetch';

const API = 'urn:latchkey:api';
/** A token is renewed so long before its end that no call arrives with an old one. */
const RENEWED_BEFORE = 30_000;

/** A refusal of the API. `problem` is what it answered (RFC 9457). */
export class LatchkeyError extends Error {
  constructor(problem, status) {
    super(problem?.detail ?? `The API answered ${status}.`);
    this.name = 'LatchkeyError';
    this.problem = problem;
    this.status = status;
    this.code = problem?.code;
  }
}

/** Creates a client with a token, or with the credentials of a machine client, for which it gets and renews tokens. */
export function createLatchkey({
  issuer,
  clientId,
  clientSecret,
  scope,
  token,
  idempotencyKeys = false,
  fetch: send = globalThis.fetch,
}) {
  const base = issuer.replace(/\/$/, '');
  const tokens = token === undefined ? tokenSource({ base, clientId, clientSecret, scope, send }) : null;
  const client = createClient({ baseUrl: base, fetch: send });
  client.use({
    async onRequest({ request }) {
      request.headers.set(
        'Authorization',
        `Bearer ${tokens ? await tokens.get() : typeof token === 'function' ? await token() : token}`,
      );
      if (idempotencyKeys && request.method === 'POST' && !request.headers.has('Idempotency-Key'))
        request.headers.set('Idempotency-Key', crypto.randomUUID());
      return request;
    },
    onResponse({ response }) {
      // Revoked, or the client lost a scope: the next call begins with a new one.
      if (response.status === 401) tokens?.forget();
    },
  });
  return client;
}

function tokenSource({ base, clientId, clientSecret, scope, send }) {
  let present;

  async function fetchToken() {
    const form = encodeURIComponent;
    const response = await send(
      new Request(`${base}/oidc/token`, {
        method: 'POST',
        headers: { Authorization: `Basic ${btoa(`${form(clientId)}:${form(clientSecret)}`)}` },
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          resource: API,
          ...(scope === undefined ? {} : { scope }),
        }),
      }),
    );
    const body = await response.json();
    if (!response.ok)
      throw new LatchkeyError({ code: body.error, detail: body.error_description ?? body.error }, response.status);
    return { value: body.access_token, until: Date.now() + body.expires_in * 1000 - RENEWED_BEFORE };
  }

  return {
    /** Calls at the same time share one request. A request that failed is not kept. */
    async get() {
      if (present === undefined || (present.token !== undefined && present.token.until <= Date.now())) {
        const asked = { token: undefined, request: fetchToken() };
        present = asked;
        asked.request.then(
          (token) => (asked.token = token),
          () => present === asked && (present = undefined),
        );
      }
      return (await present.request).value;
    },
    forget() {
      present = undefined;
    },
  };
}

/** The answer of a call; throws a LatchkeyError where the API refused. */
export async function orThrow(call) {
  const { data, error, response } = await call;
  if (error !== undefined || !response.ok) throw new LatchkeyError(error, response.status);
  return data;
}

/** Every object of a list, page by page. Throws a LatchkeyError. */
export async function* all(client, path, init = {}) {
  let cursor;
  do {
    const query = { ...init.params?.query, ...(cursor === undefined ? {} : { cursor }) };
    const page = await orThrow(client.GET(path, { ...init, params: { ...init.params, query } }));
    yield* Object.values(page).find((member) => Array.isArray(member)) ?? [];
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}
