/** Sign-ins by an identity provider of SAML: the request, the answer by a form of another site, and what does not count. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import { travel } from '../../support/account.ts';
import { newcomer } from '../../support/registration.ts';
import { samlPerson, type SamlFederation, startSamlFederation } from '../../support/saml-federation.ts';
import { samlKey } from '../../support/saml-keys.ts';
import { type Bend, requestIn, startSamlProvider } from '../../support/saml-provider.ts';
import { authorizeUrl, formsOf, type Page, pkce, unescaped, Visitor } from '../../support/visitor.ts';

let it: SamlFederation;
beforeAll(async () => {
  it = await startSamlFederation();
});
afterAll(() => it.close());
afterEach(() => void vi.useRealTimers());

const words = ({ text }: Page): string => text.replaceAll(/<[^>]+>/g, '').replaceAll(/\s+/g, ' ');
const isDone = ({ location }: Page): boolean => location?.includes('code=') ?? false;

describe('a user', () => {
  test('gets an account at the first sign-in, and signs in to it by the NameID from then on', async () => {
    const person = samlPerson();
    const first = await it.arrive(person);
    expect(first.kept.status).toBe(303);
    expect(isDone(first.page)).toBe(true);
    expect(isDone((await it.arrive({ ...person, attributes: {} })).page)).toBe(true);
    const rows = await it.latchkey.app.database.sql(
      `select i.issuer, i.subject from user_identity i join users u on u.id = i.user_id where u.email_canonical = $1`,
      [person.email],
    );
    expect(rows).toEqual([{ issuer: it.idp.entityId, subject: person.nameId?.value }]);
  });

  test('is asked by a signed request that names this instance', async () => {
    const visitor = newcomer();
    const away = await it.press(visitor, await it.begin(visitor));
    const request = requestIn(away.location ?? '');
    expect(away.location).toMatch(/^https:\/\/idp\.example\/saml\/sso\?SAMLRequest=.*&SigAlg=.*rsa-sha256&Signature=/);
    expect(request).toMatchObject({
      acsUrl: `${it.latchkey.base}/saml/acme/acs`,
      issuer: `${it.latchkey.base}/saml/acme/metadata`,
    });
    expect(request.xml).not.toContain('ForceAuthn');
  });

  test('who turns back there reads so', async () => {
    const visitor = newcomer();
    const request = await it.asked(visitor);
    const xml = (await it.idp.answer(request, samlPerson()))
      .replace(/<saml:Assertion[\s\S]*<\/saml:Assertion>/, '')
      .replace(
        /<samlp:StatusCode Value="[^"]*"\/>/,
        '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"/></samlp:StatusCode>',
      );
    const page = await visitor.open((await it.post(xml, request.relayState)).location ?? '');
    expect(words(page)).toContain('You cancelled signing in with Acme.');
  });
});

describe('an answer is refused', () => {
  const late = (minutes: number) => new Date(performance.timeOrigin + performance.now() + minutes * MINUTE);
  test.each<[string, string, () => Bend | Promise<Bend>]>([
    ['of another key', 'signature_wrong', async () => ({ key: await samlKey() })],
    ['of another issuer', 'assertion_issuer', () => ({ issuer: 'https://evil.example' })],
    ['without a signature', 'assertion_unsigned', () => ({ protection: { signsAssertion: false } })],
    [
      'whose response alone is signed',
      'assertion_unsigned',
      () => ({ protection: { signsAssertion: false, signsResponse: true } }),
    ],
    ['for another address', 'destination', () => ({ destination: 'https://evil.example/acs' })],
    ['for another audience', 'audience', () => ({ audience: 'https://evil.example' })],
    ['to another request', 'in_response_to', () => ({ inResponseTo: '_another' })],
    ['to no request', 'in_response_to', () => ({ inResponseTo: null })],
    ['of yesterday', 'issue_instant', () => ({ now: late(-24 * 60) })],
    ['of tomorrow', 'issue_instant', () => ({ now: late(24 * 60) })],
    ['that is over', 'expired', () => ({ assertion: { notOnOrAfter: late(-2) } })],
    ['that is valid too long', 'lifetime', () => ({ assertion: { notOnOrAfter: late(25 * 60) } })],
  ])('%s', async (_name, reason, bend) => {
    const { kept, page } = await it.arrive(samlPerson(), await bend());
    expect(kept.status).toBe(303);
    expect([page.status, words(page)]).toEqual([403, expect.stringContaining('Acme couldn’t sign you in')]);
    expect(page.text).not.toContain(reason);
    await expect.poll(it.lastRefusal).toBe(reason);
  });

  test('with a transient NameID, unless an attribute names the subject', async () => {
    const person = { ...samlPerson(), nameId: { format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient' } };
    expect((await it.arrive(person)).page.status).toBe(403);
    await expect.poll(it.lastRefusal).toBe('transient_subject');
    await it.latchkey.run('connections.update', { connection: 'acme', claims: { sub: 'mail' } });
    expect(isDone((await it.arrive(person)).page)).toBe(true);
    expect((await it.arrive({ ...person, attributes: {} })).page.status).toBe(403);
    await expect.poll(it.lastRefusal).toBe('subject_attribute');
    await it.latchkey.run('connections.update', { connection: 'acme', claims: null });
  });

  test.each(['urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified', null])(
    'whose NameID is not in the format that was asked for (%s), unless an attribute names the subject',
    async (format) => {
      const change = (given: object) => it.latchkey.run('connections.update', { connection: 'acme', ...given });
      await change({ name_id_format: 'persistent' });
      const person = samlPerson();
      expect(isDone((await it.arrive(person)).page)).toBe(true);
      const other = { ...person, nameId: { ...person.nameId, format } };
      expect((await it.arrive(other)).page.status).toBe(403);
      await expect.poll(it.lastRefusal).toBe('name_id_format');
      await change({ claims: { sub: 'mail' } });
      expect((await it.arrive(other)).page.status).not.toBe(403);
      await change({ name_id_format: null, claims: null });
      expect(isDone((await it.arrive(other)).page)).toBe(true);
    },
  );

  test('a second time, also as the answer to a new request', async () => {
    const visitor = newcomer();
    const request = await it.asked(visitor);
    const xml = await it.idp.answer(request, samlPerson());
    const kept = await it.post(xml, request.relayState);
    expect((await it.post(xml, request.relayState)).status).toBe(410);
    expect(isDone(await visitor.open(kept.location ?? ''))).toBe(true);
    expect((await it.post(xml, request.relayState)).status).toBe(410);
  });

  test('in another browser, and the browser that asked can still use it', async () => {
    const [mine, theirs] = [newcomer(), newcomer()];
    const request = await it.asked(mine);
    await it.begin(theirs);
    const kept = await it.post(await it.idp.answer(request, samlPerson()), request.relayState);
    expect(isDone(await theirs.open(kept.location ?? ''))).toBe(false);
    expect(isDone(await mine.open(kept.location ?? ''))).toBe(true);
  });

  test('at the address of another connection', async () => {
    await it.connect('other', { metadata: (await startSamlProvider('https://other.example/saml')).metadata() });
    const visitor = newcomer();
    const request = await it.asked(visitor);
    const xml = await it.idp.answer(request, samlPerson());
    expect((await it.post(xml, request.relayState, 'other')).status).toBe(410);
    await it.latchkey.run('connections.delete', { connection: 'other' });
  });

  test.each(['disabled', 'changed'])('of a connection that was %s meanwhile', async (reason) => {
    const visitor = newcomer();
    const request = await it.asked(visitor);
    const kept = await it.post(await it.idp.answer(request, samlPerson()), request.relayState);
    const change = reason === 'disabled' ? { enabled: false } : { metadata: it.idp.metadata() };
    await it.latchkey.run('connections.update', { connection: 'acme', ...change });
    const page = await visitor.open(kept.location ?? '');
    await it.latchkey.run('connections.update', { connection: 'acme', enabled: true });
    expect(isDone(page)).toBe(false);
    await expect.poll(it.lastRefusal).toBe(reason);
  });

  test.each<[string, Record<string, string>]>([
    ['no message', { RelayState: 'x' }],
    ['two messages', { SAMLResponse: 'PHg+', SAMLRequest: 'PHg+' }],
    ['an unknown state', { SAMLResponse: 'PHg+', RelayState: 'https://evil.example' }],
    ['a hostile state', { SAMLResponse: 'PHg+', RelayState: '"><script>alert(1)</script>' }],
  ])('whose form has %s', async (_name, form) => {
    const page = await new Visitor().request(`${it.latchkey.base}/saml/acme/acs`, { form });
    expect(page.status).toBe(410);
    expect(page.text).not.toContain('evil.example');
    expect(page.text).not.toContain('<script>alert');
  });
});

describe('an answer without a request', () => {
  test('is refused, unless the connection takes it: then a page names the user, and signs no one in', async () => {
    const request = {
      id: '',
      acsUrl: `${it.latchkey.base}/saml/acme/acs`,
      issuer: `${it.latchkey.base}/saml/acme/metadata`,
      relayState: 'https://evil.example',
      xml: '',
    };
    const person = samlPerson();
    const bend = { inResponseTo: null };
    expect((await it.post(await it.idp.answer(request, person, bend), request.relayState)).status).toBe(410);
    await expect.poll(it.lastRefusal).toBe('unsolicited');
    await it.latchkey.run('connections.update', { connection: 'acme', allows_unsolicited: true });
    const xml = await it.idp.answer(request, person, bend);
    const browser = new Visitor();
    const kept = await it.post(xml, request.relayState, 'acme', browser);
    const landing = await browser.open(new URL(kept.location ?? '', it.latchkey.base).href);
    expect([landing.status, words(landing)]).toEqual([200, expect.stringContaining(person.email)]);
    expect(landing.text).not.toContain('evil.example');
    // The sign-in that follows goes to the provider without another page.
    const next = unescaped(/href="(\/account[^"]*)"/.exec(landing.text)?.[1] ?? '');
    expect(next).toBe('/account?connection=acme');
    const away = await browser.open(it.latchkey.base + next);
    const asked = requestIn(away.location ?? '');
    const back = await it.post(await it.idp.answer(asked, person), asked.relayState);
    expect(new URL((await browser.open(back.location ?? '')).url).pathname).toBe('/account');
    expect((await it.post(xml, request.relayState)).status).toBe(410);
    await expect.poll(it.lastRefusal).toBe('replayed');
    await it.latchkey.run('connections.update', { connection: 'acme', allows_unsolicited: false });
  });

  test('leads to the application of the connection, whose request comes back with the connection', async () => {
    const home = 'https://tally.example/start?from=portal';
    const client = await it.latchkey.client({ first_party: true, initiate_login_uri: home });
    const land = async (landing_client_id: string) => {
      await it.latchkey.run('connections.update', {
        connection: 'acme',
        allows_unsolicited: true,
        landing_client_id,
      });
      const nobody = {
        id: '',
        acsUrl: `${it.latchkey.base}/saml/acme/acs`,
        issuer: `${it.latchkey.base}/saml/acme/metadata`,
      };
      const browser = new Visitor();
      const xml = await it.idp.answer({ ...nobody, relayState: '', xml: '' }, samlPerson(), { inResponseTo: null });
      const kept = await it.post(xml, 'https://evil.example', 'acme', browser);
      const page = await browser.open(new URL(kept.location ?? '', it.latchkey.base).href);
      return { browser, next: unescaped(/class="btn primary full" href="([^"]*)"/.exec(page.text)?.[1] ?? '') };
    };
    const { browser, next } = await land(client.client_id);
    const asked = new URL(next).searchParams;
    expect([next.startsWith(`${home}&`), asked.get('iss'), asked.get('connection')]).toEqual([
      true,
      it.latchkey.base,
      'acme',
    ]);
    // The application repeats what it was told.
    const away = await browser.open(
      authorizeUrl(it.latchkey.base, client, {
        code_challenge: pkce().challenge,
        connection: asked.get('connection') ?? '',
      }),
    );
    expect(requestIn(away.location ?? '').acsUrl).toBe(`${it.latchkey.base}/saml/acme/acs`);
    for (const other of [(await it.latchkey.client()).client_id, 'no-such-client'])
      expect((await land(other)).next).toBe('/account?connection=acme');
    await it.latchkey.run('connections.update', {
      connection: 'acme',
      allows_unsolicited: false,
      landing_client_id: null,
    });
  });
});

describe('the request', () => {
  test('goes by a form where the provider takes it by POST', async () => {
    const poster = await startSamlProvider('https://post.example/saml');
    await it.connect('by-post', { metadata: poster.metadata({ binding: 'post' }) });
    const visitor = newcomer();
    const away = await it.press(visitor, await it.begin(visitor), 'by-post');
    expect(away.location).toContain(`${it.latchkey.base}/saml/by-post/request?state=`);
    const page = await visitor.open(away.location ?? '');
    const [form] = formsOf(page);
    expect(form?.action).toBe('https://post.example/saml/sso');
    expect(page.headers.get('content-security-policy')).not.toContain('form-action');
    expect(Buffer.from(form?.fields['SAMLRequest'] ?? '', 'base64').toString()).toContain('<ds:Signature');
    await it.latchkey.run('connections.delete', { connection: 'by-post' });
  });

  test('asks for a fresh proof where the relying party does', async () => {
    const person = samlPerson();
    const { visitor } = await it.arrive(person);
    // The session began at the provider, so that its user is asked there.
    const again = await it.begin(visitor, { prompt: 'login' });
    expect(requestIn(again.location ?? '').xml).toContain('ForceAuthn="true"');
  });
});

test('the metadata of this instance say where answers go and what they are signed and encrypted with', async () => {
  const page = await new Visitor().request(`${it.latchkey.base}/saml/acme/metadata`);
  expect(page.headers.get('content-type')).toContain('application/samlmetadata+xml');
  expect(page.text).toContain(`entityID="${it.latchkey.base}/saml/acme/metadata"`);
  expect(page.text).toContain(`Location="${it.latchkey.base}/saml/acme/acs"`);
  expect((await new Visitor().request(`${it.latchkey.base}/saml/none/metadata`)).status).toBe(410);
});

// The last one: later events would be older than its own.
test('an answer after ten minutes is refused', async () => {
  const visitor = newcomer();
  const request = await it.asked(visitor);
  travel(11 * MINUTE);
  const page = await it.post(await it.idp.answer(request, samlPerson()), request.relayState);
  expect([page.status, words(page)]).toEqual([410, expect.stringContaining('This sign-in has ended')]);
});
