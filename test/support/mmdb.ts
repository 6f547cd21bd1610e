/** A file in MaxMind's format (MaxMind DB 2.0), made of a few IPv4 networks: a search tree of 24-bit records, data, metadata. */
import { writeFileSync } from 'node:fs';

type Value = string | number | { readonly [name: string]: Value };
type Node = { children: [Node | number | null, Node | number | null] };

export function writeMmdb(file: string, networks: Readonly<Record<string, Value>>): void {
  const root: Node = { children: [null, null] };
  const data: Buffer[] = [];
  let offset = 0;
  for (const [cidr, value] of Object.entries(networks)) {
    const [address = '', bits = '32'] = cidr.split('/');
    insert(root, address, Number(bits), offset);
    const encoded = encode(value);
    data.push(encoded);
    offset += encoded.length;
  }
  const nodes: Node[] = [];
  collect(root, nodes);
  const tree = Buffer.alloc(nodes.length * 6);
  const record = (child: Node | number | null): number => {
    if (child === null) return nodes.length;
    return typeof child === 'number' ? nodes.length + 16 + child : nodes.indexOf(child);
  };
  for (const [at, { children }] of nodes.entries()) {
    tree.writeUIntBE(record(children[0]), at * 6, 3);
    tree.writeUIntBE(record(children[1]), at * 6 + 3, 3);
  }
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1,
    database_type: 'Test-City',
    ip_version: 4,
    node_count: nodes.length,
    record_size: 24,
  });
  const marker = Buffer.concat([Buffer.from('abcdef', 'hex'), Buffer.from('MaxMind.com')]);
  writeFileSync(file, Buffer.concat([tree, Buffer.alloc(16), ...data, marker, metadata]));
}

function insert(root: Node, address: string, bits: number, value: number): void {
  const number = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  let node = root;
  for (let bit = 0; bit < bits; bit += 1) {
    const side = Math.floor(number / 2 ** (31 - bit)) % 2 === 0 ? 0 : 1;
    if (bit === bits - 1) {
      node.children[side] = value;
      return;
    }
    const next = node.children[side];
    if (next !== null && typeof next === 'object') node = next;
    else node = node.children[side] = { children: [null, null] };
  }
}

function collect(node: Node, into: Node[]): void {
  into.push(node);
  for (const child of node.children) if (child !== null && typeof child === 'object') collect(child, into);
}

/** Types 7 (map), 2 (text), 3 (double), 6 (uint32), all shorter than 29 of whatever they count. */
function encode(value: Value): Buffer {
  if (typeof value === 'string') {
    const text = Buffer.from(value);
    return Buffer.concat([Buffer.from([(2 << 5) | text.length]), text]);
  }
  if (typeof value === 'number') {
    const isWhole = Number.isInteger(value) && value >= 0;
    const bytes = Buffer.alloc(isWhole ? 5 : 9);
    bytes[0] = isWhole ? (6 << 5) | 4 : (3 << 5) | 8;
    if (isWhole) bytes.writeUInt32BE(value, 1);
    else bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  const members = Object.entries(value);
  return Buffer.concat([
    Buffer.from([(7 << 5) | members.length]),
    ...members.flatMap(([name, member]) => [encode(name), encode(member)]),
  ]);
}

/** As GeoLite2 City writes a place. */
export function place(city: string, country: string, latitude: number, longitude: number): Value {
  return { city: { names: { en: city } }, country: { iso_code: country }, location: { latitude, longitude } };
}
