/** An authenticator and its browser in software, which can lie in everything that they say. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isoCBOR } from '@simplewebauthn/server/helpers';

/** Deviations from a correct response. */
export type Lies = {
  type?: string;
  challenge?: string;
  origin?: string;
  crossOrigin?: unknown;
  topOrigin?: string;
  rpId?: string;
  /** The byte of flags, as it is before and as it is to be. */
  flags?: (honest: number) => number;
  signCount?: number;
  userHandle?: string | null;
  id?: string;
  rawId?: string;
  algorithm?: number;
  authenticatorData?: (honest: Buffer) => Buffer;
  signature?: (honest: Buffer) => Buffer;
  attestationObject?: (honest: Buffer) => Buffer;
  attachment?: string;
};

type Kind = {
  /** Keeps whose passkey it is, so that nobody need say who they are. */
  isResident: boolean;
  /** Asks for a fingerprint, a face or a PIN. */
  verifiesUser: boolean;
  isSynced: boolean;
  counts: boolean;
  algorithm: -7 | -8 | -257;
  aaguid: string;
  transports: string[];
  /** `self` signs with the passkey itself, `maker` with a certificate of test/support/certificates. */
  attestation: 'none' | 'self' | 'maker';
};
type CreationOptions = {
  challenge: string;
  rp: { id?: string };
  user: { id: string };
};
type RequestOptions = { challenge: string; rpId?: string; allowCredentials?: { id: string }[] };
type Credential = { id: Buffer; userHandle: string; rpId: string; key: KeyObject; signCount: number };

export const FLAGS = { up: 0x01, uv: 0x04, be: 0x08, bs: 0x10, at: 0x40, ed: 0x80 };

const certificate = (name: string): string => readFileSync(new URL(`certificates/${name}`, import.meta.url), 'utf8');
const sha256 = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest();
const cbor = (value: unknown): Buffer => Buffer.from(isoCBOR.encode(value as never));
const base64url = (data: Buffer | string): string => Buffer.from(data).toString('base64url');
const bytes = (data: Buffer): Uint8Array => new Uint8Array(data);

export class Authenticator {
  readonly credentials: Credential[] = [];
  readonly #kind: Kind;

  constructor(kind: Partial<Kind> = {}) {
    this.#kind = {
      isResident: true,
      verifiesUser: true,
      isSynced: false,
      counts: true,
      algorithm: -7,
      aaguid: '00000000-0000-0000-0000-000000000000',
      transports: ['internal'],
      attestation: 'none',
      ...kind,
    };
  }

  /** `navigator.credentials.create` on a page of `origin`, as JSON. */
  create({ challenge, rp, user }: CreationOptions, origin: string, lies: Lies = {}): string {
    const { algorithm, aaguid, counts, transports } = this.#kind;
    const pair = newKeyPair(algorithm);
    const credential: Credential = {
      id: lies.id === undefined ? randomBytes(32) : Buffer.from(lies.id, 'base64url'),
      userHandle: user.id,
      rpId: rp.id ?? '',
      key: pair.privateKey,
      signCount: counts ? 1 : 0,
    };
    this.credentials.push(credential);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(credential.id.length);
    const attested = Buffer.concat([
      Buffer.from(aaguid.replaceAll('-', ''), 'hex'),
      length,
      credential.id,
      coseKey(pair.publicKey, lies.algorithm ?? algorithm),
    ]);
    const authData = this.#authenticatorData(credential, lies, FLAGS.at, attested);
    const clientDataJSON = clientData('webauthn.create', challenge, origin, lies);
    const attestationObject = cbor(
      new Map<string, unknown>([
        ['fmt', this.#kind.attestation === 'none' ? 'none' : 'packed'],
        ['attStmt', this.#statement(credential, Buffer.concat([authData, sha256(clientDataJSON)]))],
        ['authData', bytes(authData)],
      ]),
    );
    return JSON.stringify({
      id: base64url(credential.id),
      rawId: lies.rawId ?? base64url(credential.id),
      type: 'public-key',
      authenticatorAttachment: lies.attachment ?? (transports.includes('internal') ? 'platform' : 'cross-platform'),
      clientExtensionResults: { credProps: { rk: this.#kind.isResident } },
      response: {
        clientDataJSON: base64url(clientDataJSON),
        attestationObject: base64url((lies.attestationObject ?? same)(attestationObject)),
        transports,
      },
    });
  }

  /** `navigator.credentials.get` on a page of `origin`, as JSON; with the newest passkey that fits. */
  get({ challenge, rpId = '', allowCredentials = [] }: RequestOptions, origin: string, lies: Lies = {}): string {
    const allowed = new Set(allowCredentials.map(({ id }) => id));
    const fitting = this.credentials.filter(
      ({ id }) => allowed.has(base64url(id)) || (allowed.size === 0 && this.#kind.isResident),
    );
    const credential = fitting.at(-1) ?? this.credentials.at(-1);
    if (!credential) throw new Error('the authenticator holds nothing');
    if (this.#kind.counts) credential.signCount += 1;
    const authData = (lies.authenticatorData ?? same)(this.#authenticatorData({ ...credential, rpId }, lies));
    const clientDataJSON = clientData('webauthn.get', challenge, origin, lies);
    const signature = this.#sign(credential.key, Buffer.concat([authData, sha256(clientDataJSON)]));
    const userHandle =
      lies.userHandle === undefined ? (this.#kind.isResident ? credential.userHandle : null) : lies.userHandle;
    return JSON.stringify({
      id: lies.id ?? base64url(credential.id),
      rawId: lies.rawId ?? lies.id ?? base64url(credential.id),
      type: 'public-key',
      authenticatorAttachment: 'platform',
      clientExtensionResults: {},
      response: {
        clientDataJSON: base64url(clientDataJSON),
        authenticatorData: base64url(authData),
        signature: base64url((lies.signature ?? same)(signature)),
        ...(userHandle === null ? {} : { userHandle }),
      },
    });
  }

  #authenticatorData(credential: Credential, lies: Lies, extraFlags = 0, attested = Buffer.alloc(0)): Buffer {
    const { verifiesUser, isSynced } = this.#kind;
    const honest = FLAGS.up | (verifiesUser ? FLAGS.uv : 0) | (isSynced ? FLAGS.be | FLAGS.bs : 0) | extraFlags;
    const head = Buffer.alloc(5);
    head[0] = (lies.flags ?? same)(honest);
    head.writeUInt32BE(lies.signCount ?? credential.signCount, 1);
    return Buffer.concat([sha256(lies.rpId ?? credential.rpId), head, attested]);
  }

  #statement(credential: Credential, signed: Buffer): Map<string, unknown> {
    const { attestation, algorithm } = this.#kind;
    if (attestation === 'none') return new Map();
    if (attestation === 'self')
      return new Map<string, unknown>([
        ['alg', algorithm],
        ['sig', bytes(this.#sign(credential.key, signed))],
      ]);
    const pem = certificate('authenticator.pem');
    const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
    return new Map<string, unknown>([
      ['alg', -7],
      ['sig', bytes(sign('sha256', signed, certificate('authenticator.key')))],
      ['x5c', [bytes(der)]],
    ]);
  }

  #sign(key: KeyObject, data: Buffer): Buffer {
    return sign(this.#kind.algorithm === -8 ? null : 'sha256', data, key);
  }
}

const same = <T>(honest: T): T => honest;

function clientData(type: string, challenge: string, origin: string, lies: Lies): Buffer {
  return Buffer.from(
    JSON.stringify({
      type: lies.type ?? type,
      challenge: lies.challenge ?? challenge,
      origin: lies.origin ?? origin,
      crossOrigin: 'crossOrigin' in lies ? lies.crossOrigin : false,
      ...(lies.topOrigin === undefined ? {} : { topOrigin: lies.topOrigin }),
    }),
  );
}

function newKeyPair(algorithm: Kind['algorithm']): { publicKey: KeyObject; privateKey: KeyObject } {
  if (algorithm === -7) return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return algorithm === -8 ? generateKeyPairSync('ed25519') : generateKeyPairSync('rsa', { modulusLength: 2048 });
}

/** RFC 9052 §7, RFC 8230 §4. */
function coseKey(key: KeyObject, algorithm: number): Buffer {
  const { kty, x = '', y = '', n = '', e = '' } = key.export({ format: 'jwk' });
  const part = (text: string): Uint8Array => bytes(Buffer.from(text, 'base64url'));
  const members: Record<string, [number, unknown][]> = {
    EC: [
      [1, 2],
      [3, algorithm],
      [-1, 1],
      [-2, part(x)],
      [-3, part(y)],
    ],
    OKP: [
      [1, 1],
      [3, algorithm],
      [-1, 6],
      [-2, part(x)],
    ],
    RSA: [
      [1, 3],
      [3, algorithm],
      [-1, part(n)],
      [-2, part(e)],
    ],
  };
  return cbor(new Map(members[kty ?? '']));
}
