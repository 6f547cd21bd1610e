/** Forged answers at the assertion consumer service: each is refused, leaves nothing but one event, and tells its sender nothing. */
import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realmOf, type TestRealm } from '../../support/realms.ts';
import { newcomer } from '../../support/registration.ts';
import { type SamlFederation, startSamlFederation } from '../../support/saml-federation.ts';
import { forgeries, type Scene } from '../../support/saml-forgeries.ts';
import { samlKey } from '../../support/saml-keys.ts';
import { requestIn, type SamlRequest, startSamlProvider } from '../../support/saml-provider.ts';
import type { Page, Visitor } from '../../support/visitor.ts';

let it: SamlFederation;
let scene: Scene;
/** Organizations that have the same provider: one takes signed assertions, the other signed responses. And one that has another provider. */
let assertion: TestRealm;
let response: TestRealm;
let other: TestRealm;
beforeAll(async () => {
  it = await startSamlFederation();
  const [foreign, stranger] = await Promise.all([startSamlProvider('https://other.example/saml'), samlKey()]);
  const common = { name: 'Acme' };
  assertion = await realmOf(it, 'any', common);
  response = await realmOf(it, 'any', { ...common, required_signature: 'response' });
  other = await realmOf(it, 'any', { ...common, metadata: foreign.metadata() });
  scene = { idp: it.idp, foreign, stranger, mallory: someone('mallory') };
  // The victim has an account and is a member of both organizations.
  for (const realm of [assertion, response]) {
    const protection = { signsResponse: true };
    const { visitor, request } = await asked(realm);
    const xml = await it.idp.answer(request, someone('alice', realm), { protection });
    expect(isDone(await arrive(visitor, request, realm, encoded(xml)))).toBe(true);
  }
});
afterAll(() => it.close());

const someone = (name: string, { domain } = assertion) => {
  const email = `${name}@${domain}`;
  return { email, nameId: { value: `${name}-${domain}` }, attributes: { mail: email, displayName: name } };
};
const isDone = ({ location }: Page): boolean => location?.includes('code=') ?? false;
const encoded = (xml: string): string => Buffer.from(xml).toString('base64');

/** A browser at the provider. */
async function asked({ connection }: TestRealm, visitor = newcomer()) {
  const { location } = await it.begin(visitor, { connection });
  return { visitor, request: requestIn(location ?? '') };
}
/** The form of the provider, and the page behind it. */
async function arrive(visitor: Visitor, { relayState }: SamlRequest, { connection }: TestRealm, value: string) {
  const kept = await newcomer().request(`${it.latchkey.base}/saml/${connection}/acs`, {
    form: { SAMLResponse: value, RelayState: relayState },
    headers: { origin: 'https://idp.example', 'sec-fetch-site': 'cross-site' },
  });
  expect(kept.status).toBe(303);
  return visitor.open(kept.location ?? '');
}

/** Everything that a sign-in leaves. */
async function traces(): Promise<unknown> {
  const [row] = await it.latchkey.app.database.sql(
    `select (select count(*) from users) as users, (select count(*) from user_identity) as identities,
       (select count(*) from organization_member) as members, (select count(*) from upstream_session) as upstream,
       (select count(*) from oidc_artifact where account_id is not null) as artifacts`,
  );
  return row;
}
async function eventsAfter(count: number) {
  return it.latchkey.app.database.sql<{ type: string; details: { reason?: string } }>(
    'select type, details from audit_record order by at, id offset $1',
    [count],
  );
}

/** The page without what is another one each time. */
const shown = ({ text }: Page): string => text.replaceAll(/\/interaction\/[\w-]+|nonce="[^"]*"|proof=[\w-]+/g, '');
/** The page of every refusal, whatever its reason. */
let page: string | undefined;

async function expectRefusal(realm: TestRealm, reason: string, make: (request: SamlRequest) => Promise<string>) {
  const { visitor, request } = await asked(realm);
  const value = await make(request);
  const before = await traces();
  const { length } = await eventsAfter(0);
  const refused = await arrive(visitor, request, realm, value);
  expect([refused.status, refused.location]).toEqual([403, null]);
  page ??= shown(refused);
  expect(shown(refused)).toBe(page);
  expect((await eventsAfter(length)).map(({ type, details }) => [type, details])).toEqual([
    ['user.sign_in_failed', { reason, method: 'federation', connection: realm.connection }],
  ]);
  expect(await traces()).toEqual(before);
}

/** Values of the form that hold no text of XML. */
const noTexts: [title: string, reason: string, value: string][] = [
  ['no base64', 'encoding', '%%%'],
  ['an empty value', 'encoding', ''],
  ['no UTF-8', 'encoding', Buffer.from([0xff, 0xfe, 0x3c]).toString('base64')],
  ['UTF-16', 'encoding', Buffer.from('\u{FEFF}<x/>', 'utf16le').toString('base64')],
  ['a deflated text, as a query has it', 'encoding', deflateRawSync('<x/>'.repeat(100)).toString('base64')],
];

describe('an answer', () => {
  const rows = forgeries.map(([title, reason, forge, connection]) => ({ title, reason, forge, connection }));
  test.each(rows)('$title is refused ($reason)', async ({ reason, forge, connection }) => {
    const realm = connection === 'response' ? response : assertion;
    await expectRefusal(realm, reason, async (request) => encoded(await forge(scene, request)));
  });

  test.each(noTexts)('with %s is refused (%s)', async (_title, reason, value) => {
    await expectRefusal(assertion, reason, () => Promise.resolve(value));
  });

  test.each<[string, string, (to: SamlRequest, mine: SamlRequest) => SamlRequest]>([
    ['for another connection', 'in_response_to', (_to, mine) => mine],
    ['for another connection, to this request', 'destination', ({ id }, mine) => ({ ...mine, id })],
    ['of its audience alone', 'audience', (to, { issuer }) => ({ ...to, issuer })],
  ])('of the same provider %s of another organization is refused', async (_title, reason, mix) => {
    const { request: mine } = await asked(response);
    await expectRefusal(assertion, reason, async (to) => encoded(await it.idp.answer(mix(to, mine), someone('alice'))));
  });

  test('of the provider of another organization is refused, in its own name and in this one', async () => {
    const { entityId } = it.idp;
    for (const [bend, reason] of [
      [{}, 'signature_wrong'],
      [{ issuer: entityId }, 'signature_wrong'],
    ] as const)
      await expectRefusal(assertion, reason, async (to) =>
        encoded(await scene.foreign.answer(to, someone('alice'), bend)),
      );
    // That provider may say what it wants of its own users, and nothing of others.
    const { visitor, request } = await asked(other);
    const stopped = await arrive(
      visitor,
      request,
      other,
      encoded(await scene.foreign.answer(request, someone('alice'))),
    );
    expect([stopped.status, isDone(stopped)]).toEqual([403, false]);
  });
});

test('the documents that were changed sign their user in as they are', async () => {
  const { visitor, request } = await asked(assertion);
  const value = encoded(await it.idp.answer(request, scene.mallory));
  expect(isDone(await arrive(visitor, request, assertion, value))).toBe(true);
});
