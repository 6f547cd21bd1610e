/** Requests to sign in at an application that no application sent, and values that want to become XML or HTML. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import {
  answerOf,
  answerXml,
  craftedForm,
  craftedUrl,
  signInAt,
  startApplication,
  strangersKey,
  type TestApplication,
} from '../../support/saml-applications.ts';
import { Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let user: TestUser;
let app: TestApplication;
let strict: TestApplication;
/** A browser in which the user is signed in: only the request can stop an assertion. */
const victim = new Visitor();
beforeAll(async () => {
  latchkey = await startTestApp();
  user = await latchkey.user({ email_verified: true });
  app = await startApplication(latchkey);
  strict = await startApplication(latchkey, { requires_signed_requests: true });
  await signInAt(await app.requestUrl(), user, victim);
});
afterAll(() => latchkey.close());

const lastReason = async ({ clientId }: TestApplication): Promise<string | undefined> => {
  const rows = await latchkey.app.database.sql<{ details: { reason: string } }>(
    `select details from audit_record where type = 'saml_application.request_refused' and subject_id = $1 order by at, id`,
    [clientId],
  );
  return rows.at(-1)?.details.reason;
};

/** No assertion leaves, and the page tells nothing. */
async function expectRefusal(target: TestApplication, reason: string, url: string, form?: Record<string, string>) {
  const page = await victim.open(url, form);
  expect([page.status, page.location]).toEqual([400, null]);
  expect(page.text).not.toMatch(/name="SAMLResponse"|<form/);
  expect(page.text).not.toContain(`>${reason}<`);
  expect(await lastReason(target)).toBe(reason);
}

const both = (replaced: RegExp, by: string) => ({ change: (xml: string) => xml.replace(replaced, by) });
const ACS = /AssertionConsumerServiceURL="[^"]+"/;

describe('a request for another address', () => {
  test.each([
    ['of another host', both(ACS, 'AssertionConsumerServiceURL="https://evil.example/acs"'), 'consumer'],
    ['of another scheme', both(ACS, 'AssertionConsumerServiceURL="javascript:alert(1)"'), 'consumer'],
    ['that only begins alike', both(ACS, 'AssertionConsumerServiceURL="https://app-1.example/acs/../x"'), 'consumer'],
    ['by an index that is not there', both(ACS, 'AssertionConsumerServiceIndex="99"'), 'consumer'],
    ['by another binding', both(/HTTP-POST/, 'HTTP-Artifact'), 'binding'],
  ])('%s is refused', async (_title, crafted, reason) => {
    await expectRefusal(app, reason, await craftedUrl(app, { ...crafted, key: null }));
  });
});

describe('a request that the application did not send', () => {
  test.each([
    ['without the signature that is demanded', { key: null }, 'unsigned'],
    ['with the signature of another key', { key: strangersKey }, 'signature_wrong'],
    ['in the name of another application', { issuer: 'https://app-1.example/saml' }, 'issuer'],
    ['for another address of ours', { destination: 'https://elsewhere.example/sso' }, 'destination'],
    ['that is too old', { issueInstant: new Date(Date.now() - 60 * MINUTE) }, 'issue_instant'],
    ['from the future', { issueInstant: new Date(Date.now() + 60 * MINUTE) }, 'issue_instant'],
  ])('%s is refused, by a redirect and by a form', async (_title, crafted, reason) => {
    await expectRefusal(strict, reason, await craftedUrl(strict, crafted));
    await expectRefusal(strict, reason, `${strict.base}/sso`, await craftedForm(strict, crafted));
  });

  test('is refused where its text was changed under the signature', async () => {
    const form = await craftedForm(strict, both(ACS, 'AssertionConsumerServiceURL="https://evil.example/acs"'));
    await expectRefusal(strict, 'signature_wrong', `${strict.base}/sso`, form);
  });

  test('is refused where the signed one is wrapped in another one', async () => {
    const wrap = (xml: string) => {
      const evil = xml
        .replace(/<ds:Signature[\s\S]*<\/ds:Signature>/, '')
        .replace(/ ID="[^"]+"/, ' ID="_evil"')
        .replace(ACS, 'AssertionConsumerServiceURL="https://evil.example/acs"');
      return evil.replace(
        /<\/samlp:AuthnRequest>$/,
        `<samlp:Extensions>${xml}</samlp:Extensions></samlp:AuthnRequest>`,
      );
    };
    await expectRefusal(strict, 'nested_message', `${strict.base}/sso`, await craftedForm(strict, { change: wrap }));
  });

  test.each([
    ['a document type', (xml: string) => `<!DOCTYPE x [<!ENTITY e "e">]>${xml}`, 'doctype'],
    ['a comment', (xml: string) => xml.replace('</saml:Issuer>', '<!----></saml:Issuer>'), 'comment'],
    [
      'another message',
      () => '<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"/>',
      'wrong_message',
    ],
    ['no XML', () => 'x', 'not_well_formed'],
  ])('is refused with %s', async (_title, change, reason) => {
    await expectRefusal(app, reason, `${app.base}/sso`, await craftedForm(app, { key: null, change }));
  });
});

describe('a query that two readers would read in two ways', () => {
  test.each([
    ['SAMLRequest and SAMLResponse', (url: string) => `${url}&SAMLResponse=PHg%2B`, 'parameters'],
    ['SAMLRequest twice', (url: string) => `${url}&SAMLRequest=PHg%2B`, 'parameters'],
    ['RelayState twice', (url: string) => `${url}&RelayState=b`, 'parameters'],
    [
      'other octets than were signed',
      (url: string) => url.replace(/%2[BF]|%3D/g, (each) => each.toLowerCase()),
      'signature_wrong',
    ],
    ['RelayState that was not signed', (url: string) => url.replace('RelayState=a', 'RelayState=c'), 'signature_wrong'],
    ['a signature without its algorithm', (url: string) => url.replace(/&SigAlg=[^&]+/, ''), 'signature_form'],
    ['a weak algorithm', (url: string) => url.replace(/rsa-sha256/, 'rsa-sha1'), 'signature_algorithm'],
  ])('is refused with %s', async (_title, change, reason) => {
    await expectRefusal(strict, reason, change(await craftedUrl(strict, { relayState: 'a' })));
  });
});

describe('values of others', () => {
  test('stay text in the assertion (a name that wants to be an attribute)', async () => {
    const name = 'x</saml:AttributeValue></saml:Attribute><saml:Attribute Name="role"><saml:AttributeValue>admin';
    const mallory = await latchkey.user({ name });
    const page = await signInAt(await app.requestUrl(), mallory);
    const profile = await app.read(page);
    expect(profile).toMatchObject({ name });
    expect(profile).not.toHaveProperty('role');
    expect(answerXml(page, app.acs).match(/<saml:Attribute /g)).toHaveLength(1);
  });

  test.each([
    ['an address', 'https://evil.example'],
    ['a script', 'javascript:alert(1)'],
    ['HTML', '"><script>alert(1)</script><form action=https://evil.example>'],
    ['a long text', 'x'.repeat(10_000)],
    ['every kind of character', 'Ünïcode 漢字 🙂 &amp; %41 +'],
  ])('go back as RelayState unchanged, and are no HTML of ours: %s', async (_title, relayState) => {
    const page = await victim.open(`${app.base}/sso`, await craftedForm(app, { relayState }));
    expect(answerOf(page, app.acs)['RelayState']).toBe(relayState);
    expect(page.text).not.toContain('<script>alert');
    expect([...page.text.matchAll(/<form\b[^>]*action="([^"]*)"/g)].map(([, action]) => action)).toEqual([app.acs]);
  });
});

describe('the authorization endpoint', () => {
  test('starts no sign-in for an application whose answer anyone could fetch', async () => {
    const ask = (redirectUri: string) =>
      new Visitor().open(
        `${latchkey.base}/oidc/auth?${new URLSearchParams({
          client_id: app.clientId,
          redirect_uri: redirectUri,
          response_type: 'code',
          scope: 'openid',
          code_challenge: 'x'.repeat(43),
          code_challenge_method: 'S256',
        }).toString()}`,
      );
    expect((await ask(app.acs)).status).toBe(400);
    expect((await ask('https://evil.example/cb')).status).toBe(400);
  });

  test('gives a code that no one can redeem at the token endpoint', async () => {
    let page = await victim.request(await app.requestUrl());
    while (page.location && !page.location.includes('/continue?')) page = await victim.request(page.location);
    const code = new URL(page.location!).searchParams.get('code')!;
    const response = await fetch(`${latchkey.base}/oidc/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        client_id: app.clientId,
        code,
        redirect_uri: `${app.base}/continue`,
        code_verifier: 'x'.repeat(43),
      }),
    });
    expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([401, 'invalid_client']);
  });
});
