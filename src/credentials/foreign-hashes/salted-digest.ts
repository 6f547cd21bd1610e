import { hash as digestOf } from 'node:crypto';
import { equalSecrets } from '#kernel/crypto.ts';
import { base64Bytes, type Check, type Family, HashRefusal, hexBytes, matched } from './family.ts';
import { LONGEST_DIGEST_TEMPLATE } from '../limits.ts';

/** Bytes of each digest. */
export const digestBytes = { md5: 16, sha1: 20, sha256: 32, sha384: 48, sha512: 64 } as const;
export type Digest = keyof typeof digestBytes;
export const digests = Object.keys(digestBytes) as Digest[];

type SaltedDigest = {
  digest: Digest;
  /** The template of the hashed text, for example `{salt}{password}`. */
  template: string;
  salt: Buffer;
  expected: Buffer;
};

/** The check of a salted digest. Throws HashRefusal for an invalid template. */
export function saltedDigestCheck({ digest, template, salt, expected }: SaltedDigest): Check {
  const pieces = template.split(/(\{password\}|\{salt\})/);
  if (template.length > LONGEST_DIGEST_TEMPLATE || pieces.filter((piece) => piece === '{password}').length !== 1)
    throw new HashRefusal(`the template must hold {password} once, and at most ${LONGEST_DIGEST_TEMPLATE} letters`);
  if (expected.length !== digestBytes[digest])
    throw new HashRefusal(`a ${digest} hash has ${digestBytes[digest]} bytes`);
  return async (password) => {
    const bytes = pieces.map((piece) => {
      if (piece === '{password}') return password;
      return piece === '{salt}' ? salt : Buffer.from(piece);
    });
    return equalSecrets(digestOf(digest, Buffer.concat(bytes), 'buffer'), expected);
  };
}

type Encoding = 'utf8' | 'hex' | 'base64';

/** Decodes text in the given encoding. Throws HashRefusal if it is invalid. */
export function decoded(what: string, text: string, encoding: Encoding): Buffer {
  if (encoding === 'utf8') return Buffer.from(text);
  return encoding === 'hex' ? hexBytes(what, text) : base64Bytes(what, text);
}

/** The text that is kept of one: template, salt and hash in base64. */
export function saltedDigestForm({ digest, template, salt, expected }: SaltedDigest): string {
  return `$digest-${digest}$${Buffer.from(template).toString('base64')}$${salt.toString('base64')}$${expected.toString('base64')}`;
}

/** One round of a fast hash over salt and password: what many a home-made table of users has. */
export const saltedDigestFamily: Family = {
  scheme: 'salted-digest',
  prefix: /^\$digest-/,
  read(hash) {
    const [digest, template, salt, tag] = matched(
      /^\$digest-(md5|sha1|sha256|sha384|sha512)\$([^$]+)\$([^$]*)\$([^$]+)$/,
      hash,
      '$digest-sha256$template$salt$hash',
    );
    return saltedDigestCheck({
      digest: digest as Digest,
      template: base64Bytes('the template', template).toString(),
      salt: base64Bytes('the salt', salt),
      expected: base64Bytes('the hash', tag),
    });
  },
};
