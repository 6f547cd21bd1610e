/** A DNS server on loopback that answers for TXT records as a test says. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

export type TestDns = {
  /** For DNS_SERVERS. */
  address: string;
  /** The texts at each name. A name without an entry does not exist. */
  records: Map<string, readonly string[]>;
  /** How it answers; `silent`: not at all. */
  mode: 'answering' | 'failing' | 'silent';
  /** The names that were asked for. */
  asked: string[];
  close(): Promise<void>;
};

const TXT = 16;
const [NO_ERROR, SERVER_FAILURE, NO_SUCH_NAME] = [0, 2, 3];

/** Opens the server on a free port. */
export async function openDns(): Promise<TestDns> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const dns: TestDns = {
    address: `127.0.0.1:${socket.address().port}`,
    records: new Map(),
    mode: 'answering',
    asked: [],
    close: async () => void (await new Promise<void>((resolve) => void socket.close(resolve))),
  };
  socket.on('message', (query, { port, address }) => {
    const { name, end } = readQuestion(query);
    dns.asked.push(name);
    if (dns.mode === 'silent') return;
    const texts = dns.mode === 'failing' ? undefined : dns.records.get(name);
    const code = dns.mode === 'failing' ? SERVER_FAILURE : texts === undefined ? NO_SUCH_NAME : NO_ERROR;
    socket.send(answer(query.subarray(0, end), texts ?? [], code), port, address);
  });
  return dns;
}

/** RFC 1035 §4.1.2: labels after the header of twelve bytes, then type and class. */
function readQuestion(query: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 5 };
}

function answer(question: Buffer, texts: readonly string[], code: number): Buffer {
  const head = Buffer.from(question);
  head.writeUInt16BE(0x8180 | code, 2);
  head.writeUInt16BE(texts.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, ...texts.map(record)]);
}

/** A text in pieces of at most 255 bytes, at the name of the question. */
function record(text: string): Buffer {
  const bytes = Buffer.from(text);
  const pieces = [];
  for (let at = 0; at < bytes.length; at += 255) {
    const piece = bytes.subarray(at, at + 255);
    pieces.push(Buffer.of(piece.length), piece);
  }
  const data = Buffer.concat(pieces);
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(TXT, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}
