import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { createKeyRing } from '#kernel/crypto.ts';
import { cookieSignatures } from '../../src/oidc/cookie-signatures.ts';

type Keygrip = { sign(data: string): string; index(data: string, signature: string): number };
const Keygrip = createRequire(import.meta.resolve('cookies'))('keygrip') as new (keys: string[]) => Keygrip;

const older = 'the-older-secret-of-these-tests-1234567';
const newer = 'the-newer-secret-of-these-tests-1234567';

test('signs like Keygrip, with any key', () => {
  const ring = createKeyRing([newer, older]);
  const theirs = new Keygrip(ring.deriveKeys('engine-cookies').map((key) => key.export().toString('base64url')));
  const ours = cookieSignatures(ring);
  for (let i = 0; i < 50; i += 1) expect(ours.sign(`name=${i}`)).toBe(theirs.sign(`name=${i}`));
});

test('reports the key of a signature, and refuses unknown ones', () => {
  const signatures = cookieSignatures(createKeyRing([newer, older]));
  const old = cookieSignatures(createKeyRing([older])).sign('name=value');
  expect(signatures.index('name=value', signatures.sign('name=value'))).toBe(0);
  expect(signatures.index('name=value', old)).toBe(1);
  expect(signatures.verify('name=value', old)).toBe(true);
  expect(signatures.verify('name=other', old)).toBe(false);
  expect(signatures.index('name=value', `${old}A`)).toBe(-1);
  expect(signatures.index('name=value', '')).toBe(-1);
  expect(cookieSignatures(createKeyRing([newer])).index('name=value', old)).toBe(-1);
});
