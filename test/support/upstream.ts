/**
 * An identity provider on loopback that answers as a test says, well or badly. It stands for any host: `reach` sends a request
 * for `https://api.github.com/user` to it, so that the addresses in the table of providers are those that are asked.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

type Asked = { url: string; method: string; headers: IncomingMessage['headers']; body: URLSearchParams };
type Answer = { status?: number; headers?: Record<string, string>; json?: unknown; text?: string };
/** A value is the JSON of a good answer. */
type Answers = Record<string, ((asked: Asked) => Answer | Promise<Answer>) | object>;

export type Upstream = {
  /** Its own issuer: no path, plain http. */
  url: string;
  /** Every request so far. */
  asked: Asked[];
  /** By address without the query. */
  answers: Answers;
  /** The address at the stub for an address of a provider. */
  reach(address: string): string;
  sign(claims: Record<string, unknown>, header?: { alg?: string; kid?: string; typ?: string }): Promise<string>;
  /** Discovery, keys and a token endpoint of an issuer. `claims` is asked for each ID token. */
  openid(issuer: string, claims: (asked: Asked) => Record<string, unknown>, metadata?: Record<string, unknown>): void;
  close(): Promise<void>;
};

export async function startUpstream(): Promise<Upstream> {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'upstream', alg: 'RS256', use: 'sig' }];
  const asked: Asked[] = [];
  const answers: Answers = {};

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const target = new URL(request.url!, url);
    const [, host, path] = /^\/at\/([^/]+)(.*)$/.exec(target.pathname) ?? [];
    const address = host === undefined ? `${url}${target.pathname}` : `https://${host}${path}`;
    const body = new URLSearchParams(Buffer.concat(chunks).toString());
    const seen = { url: `${address}${target.search}`, method: request.method!, headers: request.headers, body };
    asked.push(seen);
    const answer = answers[address];
    const {
      status = 200,
      headers = {},
      json,
      text,
    } = typeof answer === 'function' ? await answer(seen) : answer === undefined ? { status: 404 } : { json: answer };
    response.writeHead(status, { ...(json === undefined ? {} : { 'content-type': 'application/json' }), ...headers });
    response.end(text ?? (json === undefined ? '' : JSON.stringify(json)));
  }

  const server = createServer((request, response) => void respond(request, response));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const sign: Upstream['sign'] = async (claims, { alg = 'RS256', kid = 'upstream', ...header } = {}) =>
    new SignJWT(claims).setProtectedHeader({ alg, kid, ...header }).sign(privateKey);

  return {
    url,
    asked,
    answers,
    reach: (address) => (address.startsWith(url) ? address : address.replace('https://', `${url}/at/`)),
    sign,
    openid(issuer, claims, metadata = {}) {
      const base = issuer.replace(/\/$/, '');
      answers[`${base}/.well-known/openid-configuration`] = {
        issuer,
        authorization_endpoint: `${base}/authorize`,
        token_endpoint: `${base}/token`,
        jwks_uri: `${base}/keys`,
        ...metadata,
      };
      answers[`${base}/keys`] = { keys };
      answers[`${base}/token`] = async (request: Asked) => ({
        json: {
          access_token: 'upstream-access-token',
          token_type: 'Bearer',
          expires_in: 3600,
          id_token: await sign(claims(request)),
        },
      });
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
