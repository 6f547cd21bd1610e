/**
 * One connection that speaks just enough HTTP/1.1 to load a server: requests go out as they were written beforehand, and
 * of an answer only its status, its length and its body are looked at. A general client would need as much of the
 * machine as the servers that are compared.
 */
import { connect, type Socket } from 'node:net';

export type Answer = { status: number; head: string; body: string };

type Pending = { resolve(answer: Answer): void; reject(error: Error): void };

export class Connection {
  readonly #port: number;
  #socket: Socket | undefined;
  #received: Buffer = Buffer.alloc(0);
  #pending: Pending | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** One request at a time. */
  send(request: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#socket ??= this.#open();
      this.#socket.write(request, 'latin1');
    });
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #open(): Socket {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    const fail = (error: Error): void => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#pending?.reject(error);
    };
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('the server closed the connection')));
    return socket;
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.#received.toString('latin1', 0, end);
    const start = end + 4;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) {
      this.#pending?.reject(new Error(`an answer without a length: ${head}`));
      return;
    }
    if (this.#received.length < start + length) return;
    const body = this.#received.toString('utf8', start, start + length);
    this.#received = Buffer.alloc(0);
    if (/\r\nconnection: *close/i.test(head)) this.close();
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.resolve({ status: Number(head.slice(9, 12)), head, body });
  }
}

type Written = { host: string; path: string; headers?: Readonly<Record<string, string>> };

const lines = (headers: Readonly<Record<string, string>>): string =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');

export function get({ host, path, headers = {} }: Written): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines(headers)}\r\n`;
}

export function post(written: Written, form: Readonly<Record<string, string>>): string {
  return withBody(written, 'application/x-www-form-urlencoded', new URLSearchParams(form).toString());
}

/** `value`: of ASCII text alone. */
export function postJson(written: Written, value: Readonly<Record<string, unknown>>): string {
  return withBody(written, 'application/json', JSON.stringify(value));
}

function withBody({ host, path, headers = {} }: Written, type: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n${lines(headers)}\r\n${body}`;
}
