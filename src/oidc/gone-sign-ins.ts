import type { Client } from 'oidc-provider';
import type { BrowserCookies } from '#kernel/http/cookies.ts';
import type { OpenSignIns } from './artifacts/open-sign-ins.ts';
import type { Engine } from './engine.ts';
import type { BegunSignIns } from './sessions/begun-sign-ins.ts';
import { initiateLoginUrl } from './initiate-login.ts';
import { LONGEST_KEPT_PATH } from './limits.ts';

type Readable = Parameters<BrowserCookies['readAll']>[0];

/** Information about an ended sign-in for the browser that requests its page. */
export type GoneSignIn = {
  /** When this browser began it (NumericDate); null when it did not, or too long ago. */
  begunAt: number | null;
  /** It was open for as long as a sign-in may be. */
  isOver: boolean;
  isForDevice: boolean;
  /** The application, or the device, has its answer. */
  isAnswered: boolean;
  /** The application, and a registered address of it at which a browser can go on. */
  app: { name: string; url: string | null } | null;
  /** The path at which the application's request begins once more. */
  againPath: string | null;
};

const unknownHere: GoneSignIn = {
  begunAt: null,
  isOver: false,
  isForDevice: false,
  isAnswered: false,
  app: null,
  againPath: null,
};

/** Sign-ins that have ended (finished, expired, lost), and where applications begin others. Sign-ins of another browser reveal nothing. */
export class GoneSignIns {
  readonly #issuer: string;
  readonly #engine: () => Engine;
  readonly #begun: Pick<BegunSignIns, 'find'>;
  readonly #signIns: Pick<OpenSignIns, 'findRequest'>;

  constructor(
    issuer: string,
    engine: () => Engine,
    begun: Pick<BegunSignIns, 'find'>,
    signIns: Pick<OpenSignIns, 'findRequest'>,
  ) {
    this.#issuer = issuer;
    this.#engine = engine;
    this.#begun = begun;
    this.#signIns = signIns;
  }

  /** The address at which an application begins a sign-in, with a connection; null for a client that says none, or that does not exist. */
  async startOf(clientId: string, connection: string): Promise<string | null> {
    const client = await this.#engine().Client.find(clientId);
    return client ? initiateLoginUrl(client, this.#issuer, { connection }) : null;
  }

  async describe(ctx: Readable, uid: string): Promise<GoneSignIn> {
    const begun = this.#begun.find(ctx, uid);
    if (begun === null) return unknownHere;
    const { at: begunAt, isOver, isForDevice, isAnswered, clientId } = begun;
    const client = clientId === null ? undefined : await this.#engine().Client.find(clientId);
    const request = client ? await this.#signIns.findRequest(uid) : null;
    const url = client && (initiateLoginUrl(client, this.#issuer, request?.params ?? null) ?? client.clientUri ?? null);
    const app = client ? { name: client.clientName ?? client.clientId, url: url ?? null } : null;
    const againPath = client && !isForDevice && !isAnswered ? againOf(client, request) : null;
    return { begunAt, isOver, isForDevice, isAnswered, app, againPath };
  }
}

/** As long as the request is still stored. One that was pushed (RFC 9126) or must be signed was good for once. */
function againOf(client: Client, request: Awaited<ReturnType<OpenSignIns['findRequest']>>): string | null {
  if (request === null || request.wasPushed || mustNotBePlain(client)) return null;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.params))
    for (const each of [value].flat()) if (each !== undefined && each !== null) query.append(name, textOf(each));
  const path = `/oidc/auth?${query.toString()}`;
  return path.length > LONGEST_KEPT_PATH ? null : path;
}

const mustNotBePlain = ({ requirePushedAuthorizationRequests, requireSignedRequestObject }: Client): boolean =>
  requirePushedAuthorizationRequests === true || requireSignedRequestObject === true;

/** The engine keeps `claims` as text, and may have read numbers. */
const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
