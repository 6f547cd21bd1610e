/** Encrypted answers through the assertion consumer service: assertions, names and attributes, by which algorithms, and for which keys. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import { buildLogoutRequest, nameIdFormats, signXml } from '#saml/messages/module.ts';
import { findUser, newcomer } from '../../support/registration.ts';
import { samlPerson, type SamlFederation, startSamlFederation } from '../../support/saml-federation.ts';
import { type Encrypting, encryptedAs, signedBy } from '../../support/saml-forger.ts';
import { samlKey } from '../../support/saml-keys.ts';
import type { SamlRequest } from '../../support/saml-provider.ts';
import { type Page, Visitor } from '../../support/visitor.ts';

type Person = ReturnType<typeof samlPerson>;
type Key = { id: string; use: string; state: string; certificate: string };

let it: SamlFederation;
beforeAll(async () => {
  it = await startSamlFederation();
});
afterAll(() => it.close());

const isDone = ({ location }: Page): boolean => location?.includes('code=') ?? false;
const isSignedIn = async (visitor: Visitor): Promise<boolean> =>
  new URL((await visitor.open(`${it.latchkey.base}/account`)).url).pathname === '/account';
/** Our certificate for encryption, as it is now: the first key is made by the first need. */
async function ours(state = 'current'): Promise<string> {
  const { keys } = await it.latchkey.run<{ keys: Key[] }>('saml.keys.list');
  return keys.find((key) => key.use === 'encryption' && key.state === state)?.certificate ?? '';
}
const change = (given: object) => it.latchkey.run('connections.update', { connection: 'acme', ...given });

const ASSERTION = /<saml:Assertion .*<\/saml:Assertion>/s;
const NAME = /<saml:NameID.*?<\/saml:NameID>/s;
const MAIL = /<saml:Attribute Name="mail".*?<\/saml:Attribute>/s;
/** A part of the answer, encrypted as it stands. */
async function hide(xml: string, part: RegExp, certificate: string, how?: Encrypting): Promise<string> {
  const wrapper = part === ASSERTION ? 'EncryptedAssertion' : part === NAME ? 'EncryptedID' : 'EncryptedAttribute';
  const [plain = ''] = part.exec(xml) ?? [];
  const hidden = await encryptedAs(wrapper, plain, certificate, how);
  return xml.replace(plain, () => hidden);
}
/** A sign-in whose answer is made of a plain one. */
async function arrive(make: (request: SamlRequest) => Promise<string>, visitor = newcomer()) {
  const request = await it.asked(visitor);
  const { location } = await it.post(await make(request), request.relayState);
  return { visitor, page: await visitor.open(location ?? '') };
}
/** With the assertion encrypted; `signs`: also the response around it. */
const arriveHidden = async (
  person: Person,
  certificate: string,
  how: Encrypting & { signs?: boolean } = {},
): Promise<Page> => {
  const { page } = await arrive(async (request) => {
    const hidden = await hide(await it.idp.answer(request, person), ASSERTION, certificate, how);
    return how.signs ? signedBy(it.idp.key, hidden) : hidden;
  });
  return page;
};
/** With parts encrypted inside of the signed assertion. */
const arriveWithHidden = (person: Person, parts: readonly RegExp[], certificate: string, how?: Encrypting) =>
  arrive(async (request) => {
    let xml = await it.idp.answer(request, person, { protection: { signsAssertion: false } });
    for (const part of parts) xml = await hide(xml, part, certificate, how);
    return signedBy(it.idp.key, xml, { element: 'Assertion' });
  });
async function expectRefusal(page: Page, reason: string, person: Person): Promise<void> {
  expect([page.status, isDone(page)]).toEqual([403, false]);
  expect(page.text).not.toContain(reason);
  expect(await it.lastRefusal()).toBe(reason);
  expect(await findUser(it.latchkey, person.email)).toBeUndefined();
}

describe('an assertion', () => {
  test.each<[string, Encrypting & { signs?: boolean }]>([
    ['in AES-GCM', {}],
    ['in AES-GCM of 128 bits, with the newer OAEP', { cipher: 'gcm 128', transport: 'oaep 1.1' }],
    ['in AES-CBC, inside a signed response', { cipher: 'cbc', signs: true }],
  ])('%s signs its user in', async (_title, how) => {
    const person = samlPerson();
    expect(isDone(await arriveHidden(person, await ours(), how))).toBe(true);
    expect(await findUser(it.latchkey, person.email)).toMatchObject({ profile: { name: 'Noor Haddad' } });
  });

  test.each<[string, Encrypting & { signs?: boolean }]>([
    ['in AES-CBC, inside an unsigned response', { cipher: 'cbc' }],
    ['in AES-CBC of 128 bits, inside an unsigned response', { cipher: 'cbc 128' }],
    ['in Triple DES', { cipher: '3des', signs: true }],
    ['with RSA 1.5', { transport: 'rsa 1.5' }],
    ['with RSA 1.5, inside a signed response', { transport: 'rsa 1.5', signs: true }],
  ])('%s is refused', async (_title, how) => {
    const person = samlPerson();
    await expectRefusal(await arriveHidden(person, await ours(), how), 'encryption_algorithm', person);
  });

  test('in AES-CBC counts inside an unsigned response where the connection says so; with RSA 1.5 never', async () => {
    await change({ allows_cbc: true });
    expect(isDone(await arriveHidden(samlPerson(), await ours(), { cipher: 'cbc' }))).toBe(true);
    const person = samlPerson();
    const how = { cipher: 'cbc', transport: 'rsa 1.5' } as const;
    await expectRefusal(await arriveHidden(person, await ours(), how), 'encryption_algorithm', person);
    await change({ allows_cbc: false });
  });

  test('without a signature is refused, because everyone can encrypt for this instance', async () => {
    const person = samlPerson();
    const { page } = await arrive(async (request) =>
      hide(await it.idp.answer(request, person, { protection: { signsAssertion: false } }), ASSERTION, await ours()),
    );
    await expectRefusal(page, 'assertion_unsigned', person);
  });

  test('for another instance is refused', async () => {
    const person = samlPerson();
    const { certificate } = await samlKey();
    await expectRefusal(await arriveHidden(person, certificate), 'decryption_failed', person);
  });
});

describe('a NameID and an attribute that are encrypted by themselves', () => {
  test.each<[string, Encrypting]>([
    ['AES-GCM', {}],
    ['AES-CBC', { cipher: 'cbc' }],
  ])('sign their user in (%s)', async (_title, how) => {
    const person = samlPerson();
    const { page } = await arriveWithHidden(person, [NAME, MAIL], await ours(), how);
    expect(isDone(page)).toBe(true);
    const [identity] = await it.latchkey.app.database.sql(
      'select i.subject from user_identity i join users u on u.id = i.user_id where u.email_canonical = $1',
      [person.email],
    );
    expect(identity).toEqual({ subject: person.nameId.value });
    // The same user in a plain answer.
    expect(isDone((await it.arrive(person)).page)).toBe(true);
  });

  test.each([
    ['with RSA 1.5', 'encryption_algorithm', { transport: 'rsa 1.5' }],
    ['in Triple DES', 'encryption_algorithm', { cipher: '3des' }],
  ] as const)('%s are refused', async (_title, reason, how) => {
    for (const part of [NAME, MAIL]) {
      const person = samlPerson();
      const { page } = await arriveWithHidden(person, [part], await ours(), how);
      await expectRefusal(page, reason, person);
    }
  });

  test('for another instance are refused, and so are those that were put in after the signature', async () => {
    const person = samlPerson();
    const { certificate } = await samlKey();
    await expectRefusal((await arriveWithHidden(person, [MAIL], certificate)).page, 'decryption_failed', person);
    const { page } = await arrive(async (request) => hide(await it.idp.answer(request, person), NAME, await ours()));
    await expectRefusal(page, 'signature_wrong', person);
  });

  test('of a sign-out end the session of this user, and no other one', async () => {
    const [noor, liv] = [samlPerson(), samlPerson()];
    const [first, second] = [await it.arrive(noor), await it.arrive(liv)];
    const { xml } = buildLogoutRequest({
      issuer: it.idp.entityId,
      destination: `${it.latchkey.base}/saml/acme/slo`,
      issueInstant: new Date(),
      nameId: {
        value: noor.nameId.value,
        format: nameIdFormats.persistent,
        nameQualifier: null,
        spNameQualifier: null,
      },
      sessionIndexes: [],
      notOnOrAfter: new Date(Date.now() + MINUTE),
    });
    const signed = await signXml(await hide(xml, NAME, await ours()), it.idp.key);
    const form = { SAMLRequest: Buffer.from(signed).toString('base64') };
    const page = await new Visitor().request(`${it.latchkey.base}/saml/acme/slo`, { form });
    expect([page.status, page.location?.startsWith('https://idp.example/saml/slo?')]).toEqual([303, true]);
    expect([await isSignedIn(first.visitor), await isSignedIn(second.visitor)]).toEqual([false, true]);
  });
});

// The last ones: the keys change.
describe('a roll-over of the keys', () => {
  test('loses no answer: the key of before and the one that follows decrypt too', async () => {
    const [before, following] = [await ours(), await ours('next')];
    expect(isDone(await arriveHidden(samlPerson(), following))).toBe(true);
    const visitor = newcomer();
    const request = await it.asked(visitor);
    const hidden = await hide(await it.idp.answer(request, samlPerson()), ASSERTION, before);
    await it.latchkey.run('saml.keys.rotate', { use: 'encryption' });
    expect(await ours()).toBe(following);
    const kept = await it.post(hidden, request.relayState);
    expect(isDone(await visitor.open(kept.location ?? ''))).toBe(true);
    for (const certificate of [before, following, await ours('next')]) {
      expect(isDone(await arriveHidden(samlPerson(), certificate))).toBe(true);
      expect(isDone((await arriveWithHidden(samlPerson(), [NAME, MAIL], certificate)).page)).toBe(true);
    }
  });

  test('after a compromise makes answers for the old keys worth nothing', async () => {
    const before = await ours();
    await it.latchkey.run('saml.keys.rotate', { use: 'encryption', immediately: true });
    const person = samlPerson();
    await expectRefusal(await arriveHidden(person, before), 'decryption_failed', person);
    expect(isDone(await arriveHidden(person, await ours()))).toBe(true);
  });
});
