import { beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '#kernel/crypto.ts';
import type { Artifact, Found } from '../../src/oidc/artifacts/artifact-store.ts';
import { IssuedTokens } from '../../src/oidc/artifacts/issued-tokens.ts';
import { RecentFinds } from '../../src/oidc/artifacts/recent-finds.ts';

let request: object | undefined;
let recent: RecentFinds;
let issued: IssuedTokens;

beforeEach(() => {
  request = {};
  recent = new RecentFinds();
  issued = new IssuedTokens(() => request, recent);
});

const stored = (id: string, payload: Record<string, unknown> = {}): Found => ({
  idHash: sha256(id),
  payload,
  consumedAt: null,
});
const grant = stored('grant');
const session = stored('session');
const code = (changes: Partial<Found> = {}): Found => ({
  ...stored('code', { sessionUid: 'uid' }),
  grant,
  session,
  ...changes,
});
const token = (changes: Partial<Artifact> = {}): Artifact => ({
  idHash: sha256('token'),
  lookupHash: null,
  grantHash: sha256('grant'),
  sessionHash: sha256('uid'),
  accountId: 'usr_1',
  clientId: 'app',
  expiresAt: new Date(0),
  stage: null,
  payload: { scope: 'openid', sessionUid: 'uid', sid: undefined },
  ...changes,
});

/** Whether a look-up needs no read, and what it finds. */
const kept = () => recent.find('key', async () => null);

async function exchange(given: Found | null, artifact: Artifact): Promise<void> {
  await issued.readCode(async () => given);
  issued.hold('key', artifact);
  issued.keep();
}

describe('a token that is issued for a code', () => {
  test('is found as a read would find it: without members that have no value, with grant and session', async () => {
    await exchange(code(), token());
    expect(await kept()).toStrictEqual({
      ...stored('token', { scope: 'openid', sessionUid: 'uid' }),
      grant,
      session,
    });
  });

  test('is found without the session that it outlives', async () => {
    await exchange(code(), token({ sessionHash: null }));
    expect(await kept()).not.toHaveProperty('session');
  });

  test.each<[string, Found | null, Artifact]>([
    ['there is no code', null, token()],
    ['the code has no grant', code({ grant: null }), token()],
    ['the code has another grant', code({ grant: stored('other') }), token()],
    ['it has no grant', code(), token({ grantHash: null })],
    ['its session is over', code({ session: null }), token()],
    ['its session was not read', code({ payload: { sessionUid: 'other' } }), token()],
  ])('is read again when %s', async (_when, given, artifact) => {
    await exchange(given, artifact);
    expect(await kept()).toBeNull();
  });

  test.each(['while its code was read', 'before it was written', 'after it was kept'])(
    'is read again when something was revoked %s',
    async (moment) => {
      const revokedAt = (each: string) => (each === moment ? recent.forget() : undefined);
      await issued.readCode(async () => {
        revokedAt('while its code was read');
        return code();
      });
      issued.hold('key', token());
      revokedAt('before it was written');
      issued.keep();
      revokedAt('after it was kept');
      expect(await kept()).toBeNull();
    },
  );

  test('is not kept before it is written, nor for another request', async () => {
    await issued.readCode(async () => code());
    issued.hold('key', token());
    request = {};
    issued.keep();
    expect(await kept()).toBeNull();
  });
});
