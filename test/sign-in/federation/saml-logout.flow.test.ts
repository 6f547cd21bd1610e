/** Single logout of SAML: what a provider may end here, and what not. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  bindings,
  buildLogoutRequest,
  buildLogoutResponse,
  createMessages,
  nameIdFormats,
  redirectUrl,
  signXml,
  soapEnvelope,
  statuses,
} from '#saml/messages/module.ts';
import { newcomer } from '../../support/registration.ts';
import { startApplication, statusIn } from '../../support/saml-applications.ts';
import { samlPerson, type SamlFederation, startSamlFederation } from '../../support/saml-federation.ts';
import { samlKey, type TestKey } from '../../support/saml-keys.ts';
import { requestIn, startSamlProvider } from '../../support/saml-provider.ts';
import { formsOf, type Page, tokensFor, Visitor } from '../../support/visitor.ts';

let it: SamlFederation;
let stranger: TestKey;
beforeAll(async () => {
  [it, stranger] = await Promise.all([startSamlFederation(), samlKey()]);
});
afterAll(() => it.close());

const slo = () => `${it.latchkey.base}/saml/acme/slo`;
const isSignedIn = async (visitor: Visitor): Promise<boolean> =>
  new URL((await visitor.open(`${it.latchkey.base}/account`)).url).pathname === '/account';

/** A browser that signs in with a session of this name at the provider. */
async function signedIn(person: ReturnType<typeof samlPerson>, sessionIndex: string): Promise<Visitor> {
  const { visitor, page } = await it.arrive(person, { assertion: { sessionIndex } });
  expect(page.location).toContain('code=');
  return visitor;
}

type Given = {
  nameId: string;
  sessionIndexes?: readonly string[];
  issuer?: string;
  destination?: string;
  at?: Date;
  notOnOrAfter?: Date;
};
const now = (minutes = 0) => new Date(performance.timeOrigin + performance.now() + minutes * 60_000);
const requestXml = ({ nameId, sessionIndexes = [], ...given }: Given) =>
  buildLogoutRequest({
    issuer: given.issuer ?? it.idp.entityId,
    destination: given.destination ?? slo(),
    issueInstant: given.at ?? now(),
    notOnOrAfter: given.notOnOrAfter ?? now(5),
    nameId: { value: nameId, format: nameIdFormats.persistent, nameQualifier: null, spNameQualifier: null },
    sessionIndexes,
  }).xml;

/** The provider sends the browser here. Its answer goes back there. */
async function logOut(given: Given, key: TestKey | null = it.idp.key): Promise<Page> {
  const sent = { parameter: 'SAMLRequest', xml: requestXml(given), relayState: 'back' } as const;
  return new Visitor().request(await redirectUrl(slo(), sent, key));
}

describe('a sign-out here', () => {
  const home = 'http://127.0.0.1:9/out?state=at-home';
  /** Signs out at an application and at the provider: the address there. */
  async function leave(visitor: Visitor): Promise<URL> {
    const client = await it.latchkey.client({ post_logout_redirect_uris: ['http://127.0.0.1:9/out'] });
    const query = new URLSearchParams({
      client_id: client.client_id,
      post_logout_redirect_uri: 'http://127.0.0.1:9/out',
      state: 'at-home',
    });
    const page = await visitor.open(`${it.latchkey.base}/oidc/logout?${query.toString()}`);
    const [form] = formsOf(page);
    const fields = { ...form?.fields, also: 'acme', action: 'logout' };
    return new URL((await visitor.request(form?.action ?? '', { form: fields })).location ?? '');
  }
  async function answer(location: URL, key: TestKey, over: { inResponseTo?: string } = {}): Promise<string> {
    const { id, relayState } = requestIn(location.href);
    const { xml } = buildLogoutResponse({
      issuer: it.idp.entityId,
      destination: slo(),
      issueInstant: now(),
      inResponseTo: id,
      status: { code: statuses.success, subcode: null, message: null },
      ...over,
    });
    return redirectUrl(slo(), { parameter: 'SAMLResponse', xml, relayState }, key);
  }

  test('goes on at the provider by a signed request for this session, and then at the application', async () => {
    const person = samlPerson();
    const visitor = await signedIn(person, '_out');
    const location = await leave(visitor);
    expect(location.href).toMatch(/^https:\/\/idp\.example\/saml\/slo\?SAMLRequest=.*&SigAlg=.*&Signature=/);
    const { xml } = requestIn(location.href);
    expect(xml).toContain(`>${person.nameId.value}<`);
    expect(xml).toContain('SessionIndex>_out<');
    expect(await isSignedIn(visitor)).toBe(false);
    const back = await visitor.request(await answer(location, it.idp.key));
    expect([back.status, back.location]).toEqual([303, home]);
  });

  test.each<[string, (location: URL) => Promise<string>]>([
    ['signed by another key', (location) => answer(location, stranger)],
    ['to another request', (location) => answer(location, it.idp.key, { inResponseTo: '_other' })],
    [
      'with another state',
      async (location) => (await answer(location, it.idp.key)).replace(/RelayState=[^&]*/, 'RelayState=https://evil'),
    ],
  ])('ends here when the answer is %s', async (_name, answered) => {
    const visitor = await signedIn(samlPerson(), '_out');
    const back = await visitor.request(await answered(await leave(visitor)));
    expect(back.location).toBe(`${it.latchkey.base}/oidc/logout/success`);
  });
});

describe('a logout request of the provider', () => {
  test('ends the session that this NameID and this index began, and no other one', async () => {
    const [noor, liv] = [samlPerson(), samlPerson()];
    const [first, second, other] = [await signedIn(noor, '_1'), await signedIn(noor, '_2'), await signedIn(liv, '_1')];
    const page = await logOut({ nameId: noor.nameId.value, sessionIndexes: ['_1'] });
    expect(page.status).toBe(303);
    expect(page.location).toMatch(
      /^https:\/\/idp\.example\/saml\/slo\?SAMLResponse=.*&RelayState=back&SigAlg=.*&Signature=/,
    );
    expect([await isSignedIn(first), await isSignedIn(second), await isSignedIn(other)]).toEqual([false, true, true]);
  });

  test('without an index ends all sessions of its user that began there, and none with a password', async () => {
    const person = samlPerson();
    const [first, second] = [await signedIn(person, '_3'), await signedIn(person, '_4')];
    const user = await it.latchkey.user({ email_verified: true });
    const own = newcomer();
    await tokensFor(it.latchkey.base, it.client, user, {}, own);
    await logOut({ nameId: person.nameId.value });
    expect(await Promise.all([first, second, own].map(isSignedIn))).toEqual([false, false, true]);
  });

  test('by a form is read as well', async () => {
    const person = samlPerson();
    const visitor = await signedIn(person, '_5');
    const xml = await signXml(requestXml({ nameId: person.nameId.value, sessionIndexes: ['_5'] }), it.idp.key);
    const form = { SAMLRequest: Buffer.from(xml).toString('base64'), RelayState: '"><script>' };
    const page = await new Visitor().request(slo(), { form });
    expect([page.status, page.location?.startsWith('https://idp.example/saml/slo?')]).toEqual([303, true]);
    expect(await isSignedIn(visitor)).toBe(false);
  });

  test.each<[string, (name: string) => Promise<Page>]>([
    ['unsigned', (nameId) => logOut({ nameId, sessionIndexes: ['_6'] }, null)],
    ['signed by another key', (nameId) => logOut({ nameId, sessionIndexes: ['_6'] }, stranger)],
    ['of another issuer', (nameId) => logOut({ nameId, issuer: 'https://evil.example' })],
    ['for another address', (nameId) => logOut({ nameId, destination: 'https://evil.example/slo' })],
    ['of yesterday', (nameId) => logOut({ nameId, at: now(-24 * 60) })],
    ['that is over', (nameId) => logOut({ nameId, notOnOrAfter: now(-2) })],
    ['for another user', () => logOut({ nameId: 'dave', sessionIndexes: ['_6'] })],
    ['for another session', (nameId) => logOut({ nameId, sessionIndexes: ['_7'] })],
    [
      'with an answer beside it',
      async (nameId) => {
        const sent = { parameter: 'SAMLRequest', xml: requestXml({ nameId }), relayState: null } as const;
        return new Visitor().request(`${await redirectUrl(slo(), sent, it.idp.key)}&SAMLResponse=x`);
      },
    ],
  ])('%s ends nothing', async (_name, send) => {
    const person = samlPerson();
    const visitor = await signedIn(person, '_6');
    const page = await send(person.nameId.value);
    expect(page.text).not.toContain('evil.example');
    expect(await isSignedIn(visitor)).toBe(true);
  });

  test('counts once, of many at the same time too: a session that began after it stays', async () => {
    const person = samlPerson();
    const first = await signedIn(person, '_again');
    const sent = {
      parameter: 'SAMLRequest',
      xml: requestXml({ nameId: person.nameId.value }),
      relayState: null,
    } as const;
    const url = await redirectUrl(slo(), sent, it.idp.key);
    const pages = await Promise.all(Array.from({ length: 10 }, () => new Visitor().request(url)));
    expect(pages.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([303, ...Array<number>(9).fill(410)]);
    expect(await isSignedIn(first)).toBe(false);
    const second = await signedIn(person, '_again');
    expect((await new Visitor().request(url)).status).toBe(410);
    expect(await isSignedIn(second)).toBe(true);
  });

  test('cannot be had by the name of the session alone', async () => {
    const person = samlPerson();
    const visitor = await signedIn(person, '_8');
    const [row] = await it.latchkey.app.database.sql<{ name: string }>(
      'select name from upstream_session where subject = $1',
      [person.nameId.value],
    );
    const query = new URLSearchParams({ iss: it.idp.entityId, sid: row?.name ?? '' });
    await new Visitor().request(`${it.latchkey.base}/federation/acme/frontchannel-logout?${query.toString()}`);
    expect(await isSignedIn(visitor)).toBe(true);
  });

  test('finds the session of a user whose subject is an attribute by its index', async () => {
    await it.latchkey.run('connections.update', { connection: 'acme', claims: { sub: 'mail' } });
    const person = samlPerson();
    const [first, second] = [await signedIn(person, '_9'), await signedIn(person, '_10')];
    await logOut({ nameId: person.nameId.value, sessionIndexes: ['_9'] });
    expect((await logOut({ nameId: person.nameId.value })).status).toBe(410);
    await it.latchkey.run('connections.update', { connection: 'acme', claims: null });
    expect([await isSignedIn(first), await isSignedIn(second)]).toEqual([false, true]);
  });

  test('is answered by a form where the provider takes answers by POST alone', async () => {
    const metadata = it.idp.metadata().replaceAll(/(SingleLogoutService Binding=")[^"]*/g, `$1${bindings.post}`);
    await it.latchkey.run('connections.update', { connection: 'acme', metadata });
    const page = await logOut({ nameId: 'no one' });
    const [form] = formsOf(page);
    await it.latchkey.run('connections.update', { connection: 'acme', metadata: it.idp.metadata() });
    expect([form?.action, form?.fields['RelayState']]).toEqual(['https://idp.example/saml/slo', 'back']);
    expect(Buffer.from(form?.fields['SAMLResponse'] ?? '', 'base64').toString()).toContain('SignatureValue');
  });
});

describe('a logout request by the back channel', () => {
  async function send(xml: string, headers: Record<string, string> = {}) {
    const response = await fetch(slo(), {
      method: 'POST',
      body: soapEnvelope(xml),
      headers: { 'content-type': 'text/xml', soapaction: 'http://www.oasis-open.org/committees/security', ...headers },
    });
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  }
  const signed = (given: Given, key = it.idp.key) => signXml(requestXml(given), key);
  const fault = { status: 500, text: expect.stringContaining('The request was refused.') };

  test('is announced by our metadata', async () => {
    const metadata = await (await fetch(`${it.latchkey.base}/saml/acme/metadata`)).text();
    expect(metadata).toContain(`SingleLogoutService Binding="${bindings.soap}" Location="${slo()}"`);
  });

  test('ends the session that it names, and is answered by a signed message in the same connection', async () => {
    const [noor, liv] = [samlPerson(), samlPerson()];
    const [first, second, other] = [await signedIn(noor, '_1'), await signedIn(noor, '_2'), await signedIn(liv, '_1')];
    const xml = await signed({ nameId: noor.nameId.value, sessionIndexes: ['_1'] });
    const answer = await send(xml);
    expect(answer).toMatchObject({ status: 200, type: 'text/xml; charset=utf-8' });
    const reader = createMessages();
    const [certificate] = (
      await it.latchkey.run<{ keys: { use: string; state: string; certificate: string }[] }>('saml.keys.list')
    ).keys.filter(({ use, state }) => use === 'signing' && state === 'current');
    const read = await reader.readLogoutResponse(
      { binding: 'soap', body: answer.text },
      { certificates: [certificate?.certificate ?? ''], isSigned: true },
    );
    await reader.close();
    expect(read).toMatchObject({
      kind: 'verified',
      value: {
        issuer: `${it.latchkey.base}/saml/acme/metadata`,
        inResponseTo: / ID="([^"]+)"/.exec(xml)?.[1],
        status: { code: statuses.success, subcode: null },
      },
    });
    expect([await isSignedIn(first), await isSignedIn(second), await isSignedIn(other)]).toEqual([false, true, true]);
  });

  test('counts once, by whichever way it comes again', async () => {
    const person = samlPerson();
    const xml = await signed({ nameId: person.nameId.value });
    await signedIn(person, '_1');
    expect((await send(xml)).status).toBe(200);
    const later = await signedIn(person, '_2');
    expect(await send(xml)).toMatchObject(fault);
    const page = await new Visitor().request(slo(), { form: { SAMLRequest: Buffer.from(xml).toString('base64') } });
    expect(page.status).toBe(410);
    expect(await isSignedIn(later)).toBe(true);
  });

  test('says that an application was not told, where a browser is needed for it', async () => {
    const person = samlPerson();
    const visitor = await signedIn(person, '_1');
    const endpoint = { binding: 'redirect', url: 'https://app.example/slo' };
    const app = await startApplication(it.latchkey, { logout_endpoints: [endpoint] });
    expect((await visitor.open(await app.requestUrl())).text).toContain('SAMLResponse');
    const answer = await send(await signed({ nameId: person.nameId.value, sessionIndexes: ['_1'] }));
    expect(statusIn(answer.text)).toEqual(['Success', 'PartialLogout']);
    expect(await isSignedIn(visitor)).toBe(false);
  });

  test.each<[string, (name: string) => Promise<string>]>([
    ['unsigned', async (nameId) => requestXml({ nameId, sessionIndexes: ['_6'] })],
    ['signed by another key', (nameId) => signed({ nameId, sessionIndexes: ['_6'] }, stranger)],
    ['of another issuer', (nameId) => signed({ nameId, issuer: 'https://evil.example' })],
    ['for another address', (nameId) => signed({ nameId, destination: 'https://evil.example/slo' })],
    ['of yesterday', (nameId) => signed({ nameId, at: now(-24 * 60) })],
    ['that is over', (nameId) => signed({ nameId, notOnOrAfter: now(-2) })],
    ['that was changed', async (nameId) => (await signed({ nameId: 'someone' })).replace('someone', nameId)],
    ['that is none', async () => '<x xmlns="urn:x"/>'],
    ['with a document type', async () => '<!DOCTYPE x><x/>'],
  ])('%s is refused, and ends nothing', async (_name, xmlOf) => {
    const person = samlPerson();
    const visitor = await signedIn(person, '_6');
    const answer = await send(await xmlOf(person.nameId.value));
    expect(answer).toMatchObject(fault);
    expect(answer.text).not.toMatch(/evil|signature|issuer/);
    expect(await isSignedIn(visitor)).toBe(true);
  });

  test.each<[string, (name: string) => Given]>([
    ['another user', () => ({ nameId: 'dave', sessionIndexes: ['_6'] })],
    ['another session', (nameId) => ({ nameId, sessionIndexes: ['_7'] })],
  ])('of %s ends nothing', async (_name, given) => {
    const person = samlPerson();
    const visitor = await signedIn(person, '_6');
    expect((await send(await signed(given(person.nameId.value)))).status).toBe(200);
    expect(await isSignedIn(visitor)).toBe(true);
  });

  test('of one connection ends no session of another one', async () => {
    const theirs = await startSamlProvider('https://idp.other.example/saml');
    await it.connect('other', { metadata: theirs.metadata() });
    const person = samlPerson();
    const visitor = await signedIn(person, '_6');
    const to = `${it.latchkey.base}/saml/other/slo`;
    const xml = await signXml(
      requestXml({ nameId: person.nameId.value, sessionIndexes: ['_6'], issuer: theirs.entityId, destination: to }),
      theirs.key,
    );
    const response = await fetch(to, {
      method: 'POST',
      body: soapEnvelope(xml),
      headers: { 'content-type': 'text/xml' },
    });
    expect(response.status).toBe(200);
    expect((await send(xml)).status).toBe(500);
    expect(await isSignedIn(visitor)).toBe(true);
    await it.latchkey.run('connections.delete', { connection: 'other' });
  });
});
