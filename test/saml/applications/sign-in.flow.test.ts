/** Sign-ins at an application that speaks SAML, read by the library that many applications use. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventsOf } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import {
  answerOf,
  answerXml,
  craftedForm,
  craftedUrl,
  signInAt,
  startApplication,
  statusIn,
  type TestApplication,
} from '../../support/saml-applications.ts';
import { Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let user: TestUser;
let app: TestApplication;
beforeAll(async () => {
  latchkey = await startTestApp();
  user = await latchkey.user({ name: 'Noor Haddad', email_verified: true });
  app = await startApplication(latchkey);
});
afterAll(() => latchkey.close());

const persistent = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';

describe('a sign-in that the application begins', () => {
  test('ends with a signed answer that the library accepts', async () => {
    const page = await signInAt(await app.requestUrl('deep/link?a=1&b="2"'), user);
    expect(page.status).toBe(200);
    expect(answerOf(page, app.acs)['RelayState']).toBe('deep/link?a=1&b="2"');
    const profile = await app.read(page);
    expect(profile).toMatchObject({
      issuer: `${app.base}/metadata`,
      nameIDFormat: persistent,
      spNameQualifier: app.entityId,
      email: user.email,
      name: 'Noor Haddad',
    });
    expect(profile.nameID).not.toContain(user.id);
    expect(await eventsOf(latchkey, user)).toContain('saml_application.signed_in');
  });

  test('names the request, the audience, the address and a short time', async () => {
    const url = await craftedUrl(app, { id: '_asked' });
    const xml = answerXml(await signInAt(url, user), app.acs);
    expect(xml).toContain(`<saml:Audience>${app.entityId}</saml:Audience>`);
    expect(xml.match(/InResponseTo="_asked"/g)).toHaveLength(2);
    expect(xml).toContain(`Destination="${app.acs}"`);
    expect(xml).toContain(`Recipient="${app.acs}"`);
    expect(xml).toContain('ac:classes:PasswordProtectedTransport');
    const [, begins = '', ends = ''] = /<saml:Conditions NotBefore="([^"]+)" NotOnOrAfter="([^"]+)"/.exec(xml) ?? [];
    expect(Date.parse(ends) - Date.parse(begins)).toBeLessThanOrEqual(6 * 60_000);
  });

  test('comes by a form too, and by a session that is there', async () => {
    const visitor = new Visitor();
    await signInAt(await app.requestUrl(), user, visitor);
    const page = await visitor.open(`${app.base}/sso`, await craftedForm(app, { relayState: 'here' }));
    expect(answerOf(page, app.acs)['RelayState']).toBe('here');
    expect((await app.read(page)).email).toBe(user.email);
  });

  test('finds the same persistent name again, and another application another one', async () => {
    const other = await startApplication(latchkey);
    const names = await Promise.all(
      [app, app, other].map(async (each) => (await each.read(await signInAt(await each.requestUrl(), user))).nameID),
    );
    expect(names[0]).toBe(names[1]);
    expect(names[2]).not.toBe(names[0]);
  });

  test('goes to another registered address by its index', async () => {
    const two = await startApplication(latchkey, {
      acs_urls: [{ url: 'https://two.example/a' }, { url: 'https://two.example/b', index: 7 }],
    });
    const byIndex = (xml: string) =>
      xml.replace(/AssertionConsumerServiceURL="[^"]+"/, 'AssertionConsumerServiceIndex="7"');
    const page = await signInAt(await craftedUrl(two, { change: byIndex }), user);
    expect(answerXml(page, 'https://two.example/b')).toContain('Recipient="https://two.example/b"');
  });

  test('asks for the password again with ForceAuthn', async () => {
    const visitor = new Visitor();
    await signInAt(await app.requestUrl(), user, visitor);
    const page = await visitor.open(await craftedUrl(app, { forceAuthn: true }));
    expect(new URL(page.url).pathname).toMatch(/^\/interaction\//);
  });

  test('fills in the address that the request names', async () => {
    const loginHint = { value: user.email, format: null, nameQualifier: null, spNameQualifier: null };
    const page = await new Visitor().open(await craftedUrl(app, { loginHint }));
    expect(page.text).toContain(user.email);
  });

  test.each([
    ['NoPassive without a session', { isPassive: true }, ['Responder', 'NoPassive']],
    ['NoPassive where it must not ask and must ask', { isPassive: true, forceAuthn: true }, ['Responder', 'NoPassive']],
    [
      'NoAuthnContext for a class that is none of ours',
      { contextClasses: ['urn:example:voice'] },
      ['Responder', 'NoAuthnContext'],
    ],
    [
      'InvalidNameIDPolicy for a name that the operator does not tell',
      { nameIdFormat: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress' },
      ['Requester', 'InvalidNameIDPolicy'],
    ],
  ])('is answered with %s', async (_title, content, status) => {
    const page = await new Visitor().open(await craftedUrl(app, { ...content, relayState: 'back' }));
    expect(answerOf(page, app.acs)['RelayState']).toBe('back');
    const xml = answerXml(page, app.acs);
    expect(statusIn(xml)).toEqual(status);
    expect(xml).toContain('<ds:Signature ');
    expect(xml).not.toContain('Assertion ');
  });

  test('is answered without a question where a session is there and it must not ask', async () => {
    const visitor = new Visitor();
    await signInAt(await app.requestUrl(), user, visitor);
    const page = await visitor.open(await craftedUrl(app, { isPassive: true }));
    expect(statusIn(answerXml(page, app.acs))).toEqual(['Success']);
  });
});

describe('the identifier of the user', () => {
  test.each([
    ['email', 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress'],
    ['transient', 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient'],
  ])('is told as %s', async (format, uri) => {
    const other = await startApplication(latchkey, { name_id_format: format });
    const [first, second] = await Promise.all(
      [0, 1].map(async () => other.read(await signInAt(await other.requestUrl(), user))),
    );
    expect(first?.nameIDFormat).toBe(uri);
    expect(first?.nameID === second?.nameID).toBe(format === 'email');
    if (format === 'email') expect(first?.nameID).toBe(user.email);
  });

  test('is no address that was not verified, and neither is an attribute', async () => {
    const unproved = await latchkey.user({ name: 'Sam', email_verified: false });
    const other = await startApplication(latchkey, { name_id_format: 'email' });
    const page = await signInAt(await other.requestUrl(), unproved);
    expect(statusIn(answerXml(page, other.acs))).toEqual(['Requester', 'InvalidNameIDPolicy']);
    const profile = await app.read(await signInAt(await app.requestUrl(), unproved));
    expect(profile).not.toHaveProperty('email');
  });

  test('is the persistent one where the request asks for less', async () => {
    const other = await startApplication(latchkey, { name_id_format: 'email' });
    const page = await signInAt(await craftedUrl(other, { nameIdFormat: persistent }), user);
    expect((await other.read(page)).nameIDFormat).toBe(persistent);
  });
});

describe('the answer', () => {
  test('is encrypted to the certificate of the application', async () => {
    const other = await startApplication(latchkey, { encrypts_assertions: true });
    const page = await signInAt(await other.requestUrl(), user);
    const xml = answerXml(page, other.acs);
    expect(xml).toContain('EncryptedAssertion');
    expect(xml).not.toContain(user.email);
    expect((await other.read(page)).email).toBe(user.email);
  });

  test.each([
    ['assertion', false, true],
    ['response', true, false],
  ])('is signed in its %s alone where the operator says so', async (signs, isResponse, isAssertion) => {
    const wants = { wantAuthnResponseSigned: isResponse, wantAssertionsSigned: isAssertion };
    const other = await startApplication(latchkey, { signs }, wants);
    const page = await signInAt(await other.requestUrl(), user);
    expect(answerXml(page, other.acs).match(/<ds:Signature /g)).toHaveLength(1);
    expect((await other.read(page)).email).toBe(user.email);
  });

  test('has the organization of the sign-in, and the roles there', async () => {
    const attributes = [
      { name: 'org', source: 'organization', member: 'slug' },
      { name: 'roles', source: 'roles', names: { EDITOR: 'admin' } },
      { name: 'tier', source: 'constant', values: ['gold'] },
    ];
    const other = await startApplication(latchkey, { attributes });
    await latchkey.run('clients.update', { client_id: other.clientId, organization_usage: 'require' });
    const { id } = await latchkey.run<{ id: string }>('organizations.create', { name: 'Fernway', slug: 'fernway' });
    await latchkey.run('roles.create', { name: 'EDITOR', permissions: ['organization.read'] });
    await latchkey.run('organizations.members.create', { organization_id: id, user_id: user.id, roles: ['EDITOR'] });
    const profile = await other.read(await signInAt(await other.requestUrl(), user));
    expect(profile).toMatchObject({ org: 'fernway', roles: 'admin', tier: 'gold' });
    const preview = await latchkey.run('saml_applications.preview_claims', {
      client_id: other.clientId,
      user: user.email,
      organization_id: id,
    });
    expect(preview).toMatchObject({
      name_id: { value: profile.nameID },
      attributes: [
        { name: 'org', values: ['fernway'] },
        { name: 'roles', values: ['admin'] },
        { name: 'tier', values: ['gold'] },
      ],
    });
  });

  test('is a refusal where the user does not consent', async () => {
    const other = await startApplication(latchkey, { first_party: false });
    const visitor = new Visitor();
    await signInAt(await app.requestUrl(), user, visitor);
    const consent = await visitor.open(await other.requestUrl());
    expect(consent.text).toContain('value="deny"');
    const page = await visitor.submit(consent, {}, 'deny');
    expect(statusIn(answerXml(page, other.acs))).toEqual(['Responder', 'RequestDenied']);
  });
});

describe('a sign-in that comes back', () => {
  /** The address with the code, before the browser opens it. */
  async function returnUrl(visitor: Visitor): Promise<string> {
    let page = await visitor.request(await app.requestUrl());
    while (page.location && !page.location.includes('/continue?')) page = await visitor.request(page.location);
    return page.location!;
  }

  test('counts once, in the browser that signed in', async () => {
    const visitor = new Visitor();
    await signInAt(await app.requestUrl(), user, visitor);
    const url = await returnUrl(visitor);
    const stranger = new Visitor();
    await signInAt(await app.requestUrl(), await latchkey.user(), stranger);
    for (const other of [new Visitor(), stranger]) {
      const own = await returnUrl(visitor);
      expect((await other.open(own)).status).toBe(410);
    }
    expect(statusIn(answerXml(await visitor.open(url), app.acs))).toEqual(['Success']);
    expect((await visitor.open(url)).status).toBe(410);
  });

  test.each([
    ['a made-up state', (url: URL) => url.searchParams.set('state', 'x'.repeat(43))],
    ['no state', (url: URL) => url.searchParams.delete('state')],
    ['a made-up code', (url: URL) => url.searchParams.set('code', 'lk_ac_made-up')],
    ['no code', (url: URL) => url.searchParams.delete('code')],
  ])('is nothing with %s', async (_title, change) => {
    const visitor = new Visitor();
    await signInAt(await app.requestUrl(), user, visitor);
    const url = new URL(await returnUrl(visitor));
    change(url);
    const page = await visitor.open(url.href);
    expect(page.status).toBe(410);
    expect(page.text).not.toContain('SAMLResponse');
  });

  test('is nothing at another application', async () => {
    const other = await startApplication(latchkey);
    const visitor = new Visitor();
    await signInAt(await app.requestUrl(), user, visitor);
    const url = (await returnUrl(visitor)).replace(app.clientId, other.clientId);
    expect((await visitor.open(url)).status).toBe(410);
  });
});

describe('a sign-in that begins here', () => {
  test('has no request behind it, and the RelayState of the operator', async () => {
    const other = await startApplication(latchkey, {
      launchable: true,
      launch_relay_state: 'https://app.example/home',
    });
    const page = await signInAt(`${other.base}/launch`, user);
    expect(answerOf(page, other.acs)['RelayState']).toBe('https://app.example/home');
    expect(answerXml(page, other.acs)).not.toContain('InResponseTo');
    expect((await other.read(page)).email).toBe(user.email);
  });

  test('is refused where the operator did not allow it', async () => {
    expect((await new Visitor().open(`${app.base}/launch`)).status).toBe(404);
  });

  test('is refused for a disabled application', async () => {
    const other = await startApplication(latchkey, { launchable: true });
    await latchkey.run('clients.disable', { client_id: other.clientId });
    for (const url of [`${other.base}/launch`, await other.requestUrl()])
      expect((await new Visitor().open(url)).status).toBe(404);
  });
});

describe('our metadata', () => {
  test('have our certificate, our addresses and the formats', () => {
    expect(app.metadata).toContain(`entityID="${app.base}/metadata"`);
    expect(app.metadata).toContain(`Location="${app.base}/sso"`);
    expect(app.metadata).toContain('<ds:X509Certificate>');
    expect(app.metadata).toContain(`<md:NameIDFormat>${persistent}</md:NameIDFormat>`);
  });

  test('are there for applications alone', async () => {
    const { client_id: clientId } = await latchkey.client();
    for (const name of ['unknown', clientId])
      expect((await fetch(`${latchkey.base}/saml/applications/${name}/metadata`)).status).toBe(404);
  });
});
