/** Single logout: begun by an application, begun here, and told by the back channel. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import {
  buildLogoutRequest,
  buildLogoutResponse,
  type NameId,
  postForm,
  redirectUrl,
  signXml,
  soapEnvelope,
  statuses,
} from '#saml/messages/module.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import type { TestKey } from '../../support/saml-keys.ts';
import {
  answerOf,
  applicationKey,
  signInAt,
  startApplication,
  statusIn,
  strangersKey,
  type TestApplication,
} from '../../support/saml-applications.ts';
import { type Page, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let user: TestUser;
let backChannel: Server;
/** Requests that the application heard by the back channel. */
const heard: string[] = [];
let soapAnswer: (request: string) => Promise<string> | string = () => '';

beforeAll(async () => {
  backChannel = createServer((request, response) => {
    void text(request).then(async (body) => {
      heard.push(body);
      response.writeHead(200, { 'content-type': 'text/xml' }).end(await soapAnswer(body));
    });
  });
  await new Promise<void>((resolve) => void backChannel.listen(0, '127.0.0.1', resolve));
  latchkey = await startTestApp({ env: { OUTBOUND_ALLOW: '127.0.0.0/8' } });
  await latchkey.app.startJobs();
  user = await latchkey.user({ email_verified: true });
});
afterAll(async () => {
  await latchkey.close();
  await new Promise((resolve) => void backChannel.close(resolve));
});

const soapUrl = () => `http://127.0.0.1:${(backChannel.address() as AddressInfo).port}/slo`;
const endpoint = (clientId: string, binding: 'redirect' | 'post') => [
  { binding, url: `https://${clientId}.example/slo` },
];
let next = 0;
/** Applications are numbered as the support registers them. */
async function application(binding: 'redirect' | 'post' | 'soap' | 'none' = 'redirect'): Promise<TestApplication> {
  const name = `slo-${++next}`;
  const endpoints =
    binding === 'none' ? [] : binding === 'soap' ? [{ binding, url: soapUrl() }] : endpoint(name, binding);
  return startApplication(latchkey, { logout_endpoints: endpoints });
}

type Session = { nameId: NameId; sessionIndex: string };
async function signIn(app: TestApplication, visitor: Visitor, person = user): Promise<Session> {
  const profile = await app.read(await signInAt(await app.requestUrl(), person, visitor));
  const nameId = {
    value: profile.nameID,
    format: profile.nameIDFormat,
    nameQualifier: profile.nameQualifier ?? null,
    spNameQualifier: profile.spNameQualifier ?? null,
  };
  return { nameId, sessionIndex: profile.sessionIndex ?? '' };
}

const isSignedIn = async (visitor: Visitor): Promise<boolean> =>
  new URL((await visitor.open(`${latchkey.base}/account`)).url).pathname === '/account';

type Given = {
  issuer?: string;
  key?: TestKey | null;
  sessionIndexes?: readonly string[];
  nameId?: NameId;
  issueInstant?: Date;
  notOnOrAfter?: Date;
  destination?: string;
};
function request(app: TestApplication, { nameId, sessionIndex }: Session, given: Given = {}) {
  const { key: _key, ...content } = given;
  return buildLogoutRequest({
    issuer: app.entityId,
    destination: `${app.base}/slo`,
    issueInstant: new Date(),
    nameId,
    sessionIndexes: [sessionIndex],
    notOnOrAfter: new Date(Date.now() + MINUTE),
    ...content,
  });
}
async function byRedirect(app: TestApplication, session: Session, given: Given = {}): Promise<string> {
  const { xml } = request(app, session, given);
  const { key = applicationKey } = given;
  return redirectUrl(`${app.base}/slo`, { parameter: 'SAMLRequest', xml, relayState: 'left' }, key);
}
async function byForm(app: TestApplication, session: Session, given: Given = {}): Promise<Record<string, string>> {
  const { xml } = request(app, session, given);
  const { key = applicationKey } = given;
  const signed = key === null ? xml : await signXml(xml, key);
  return postForm(`${app.base}/slo`, { parameter: 'SAMLRequest', xml: signed, relayState: 'left' }).fields;
}

/** The answer to a request that the browser carries to an application. */
async function answerTo(
  app: TestApplication,
  page: Page,
  given: { code?: string; key?: TestKey; inResponseTo?: string } = {},
): Promise<string> {
  const url = new URL(page.location!);
  const { inflateRawSync } = await import('node:zlib');
  const xml = inflateRawSync(Buffer.from(url.searchParams.get('SAMLRequest')!, 'base64')).toString();
  const id = / ID="([^"]+)"/.exec(xml)![1]!;
  const answer = buildLogoutResponse({
    issuer: app.entityId,
    destination: `${app.base}/slo`,
    issueInstant: new Date(),
    inResponseTo: given.inResponseTo ?? id,
    status: { code: given.code ?? statuses.success, subcode: null, message: null },
  });
  const message = {
    parameter: 'SAMLResponse',
    xml: answer.xml,
    relayState: url.searchParams.get('RelayState'),
  } as const;
  return redirectUrl(`${app.base}/slo`, message, given.key ?? applicationKey);
}

/** The status in the answer that the browser carries back by a redirect. */
async function carriedStatus({ location }: Page): Promise<string[]> {
  const { inflateRawSync } = await import('node:zlib');
  return statusIn(
    inflateRawSync(Buffer.from(new URL(location!).searchParams.get('SAMLResponse')!, 'base64')).toString(),
  );
}

test('a way through the applications that is over leads to the page that says so', async () => {
  const page = await new Visitor().request(`${latchkey.base}/saml/logout?chain=${'a'.repeat(43)}`);
  expect([page.status, page.location]).toEqual([303, `${latchkey.base}/oidc/logout/success`]);
});

describe('a sign-out that an application begins', () => {
  test('ends the session here, and is answered as the library expects', async () => {
    const app = await application();
    const visitor = new Visitor();
    const session = await signIn(app, visitor);
    const page = await visitor.open(await byRedirect(app, session));
    const url = new URL(page.location!);
    expect(url.pathname).toBe('/slo');
    expect(url.searchParams.get('RelayState')).toBe('left');
    const { loggedOut } = await app.saml.validateRedirectAsync(
      Object.fromEntries(url.searchParams),
      url.search.slice(1),
    );
    expect(loggedOut).toBe(true);
    expect(await isSignedIn(visitor)).toBe(false);
  });

  test('is answered by a form where the application takes forms', async () => {
    const app = await application('post');
    const visitor = new Visitor();
    const session = await signIn(app, visitor);
    const page = await visitor.open(`${app.base}/slo`, await byForm(app, session));
    const target = /action="(https:[^"]+\/slo)"/.exec(page.text)![1]!;
    expect(answerOf(page, target)['RelayState']).toBe('left');
    expect(statusIn(Buffer.from(answerOf(page, target)['SAMLResponse']!, 'base64').toString())).toEqual(['Success']);
    expect(await isSignedIn(visitor)).toBe(false);
  });

  test('ends all sessions of the user there where it names none, and no session of another user', async () => {
    const app = await application();
    const [one, two, stranger] = [new Visitor(), new Visitor(), new Visitor()];
    const session = await signIn(app, one);
    await signIn(app, two);
    await signIn(app, stranger, await latchkey.user());
    await one.open(await byRedirect(app, session, { sessionIndexes: [] }));
    expect(await Promise.all([one, two, stranger].map(isSignedIn))).toEqual([false, false, true]);
  });

  test('ends the one session that it names', async () => {
    const app = await application();
    const [one, two] = [new Visitor(), new Visitor()];
    const session = await signIn(app, one);
    await signIn(app, two);
    await one.open(await byRedirect(app, session));
    expect(await Promise.all([one, two].map(isSignedIn))).toEqual([false, true]);
  });

  test('leads through the other applications, and says who was signed out', async () => {
    const [first, second] = [await application(), await application()];
    const visitor = new Visitor();
    const session = await signIn(first, visitor);
    await signIn(second, visitor);
    const hop = await visitor.open(await byRedirect(first, session));
    expect(new URL(hop.location!).searchParams.has('SAMLRequest')).toBe(true);
    expect(await isSignedIn(visitor)).toBe(false);
    const back = await visitor.open(await answerTo(second, hop));
    expect(await carriedStatus(back)).toEqual(['Success']);
    expect(new URL(back.location!).searchParams.get('RelayState')).toBe('left');
  });

  test.each([
    ['refuses', { code: statuses.responder }],
    ['answers another request', { inResponseTo: '_other' }],
    ['answers with the key of another one', { key: strangersKey }],
  ])('is partial where another application %s', async (_title, given) => {
    const [first, second] = [await application(), await application()];
    const visitor = new Visitor();
    const session = await signIn(first, visitor);
    await signIn(second, visitor);
    const hop = await visitor.open(await byRedirect(first, session));
    const back = await visitor.open(await answerTo(second, hop, given));
    expect(await carriedStatus(back)).toEqual(['Success', 'PartialLogout']);
  });

  test('comes by the back channel too', async () => {
    const app = await application('soap');
    const visitor = new Visitor();
    const session = await signIn(app, visitor);
    const body = soapEnvelope(await signXml(request(app, session).xml, applicationKey));
    const response = await fetch(`${app.base}/slo`, { method: 'POST', body, headers: { 'content-type': 'text/xml' } });
    expect(response.headers.get('content-type')).toContain('text/xml');
    expect(statusIn(await response.text())).toEqual(['Success']);
    expect(await isSignedIn(visitor)).toBe(false);
  });
});

describe('a sign-out that comes again', () => {
  test('ends no session that began after it, by the browser and by the back channel', async () => {
    const app = await application();
    const visitor = new Visitor();
    const session = await signIn(app, visitor);
    const given = { sessionIndexes: [] };
    const url = await byRedirect(app, session, given);
    const body = soapEnvelope(await signXml(request(app, session, given).xml, applicationKey));
    const call = () => fetch(`${app.base}/slo`, { method: 'POST', body, headers: { 'content-type': 'text/xml' } });
    expect((await new Visitor().request(url)).status).toBe(303);
    expect(await isSignedIn(visitor)).toBe(false);
    const statuses = (await Promise.all(Array.from({ length: 10 }, call))).map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, ...Array<number>(9).fill(500)]);
    await signIn(app, visitor);
    expect((await new Visitor().request(url)).status).toBe(400);
    expect((await call()).status).toBe(500);
    expect(await isSignedIn(visitor)).toBe(true);
  });
});

describe('a sign-out that no application of the user began', () => {
  test.each<[string, (other: TestApplication, stranger: Session) => Given]>([
    ['without a signature', () => ({ key: null })],
    ['with another key', () => ({ key: strangersKey })],
    ['in the name of another application', (other) => ({ issuer: other.entityId })],
    ['that is over', () => ({ notOnOrAfter: new Date(Date.now() - 10 * MINUTE) })],
    ['that is too old', () => ({ issueInstant: new Date(Date.now() - 60 * MINUTE) })],
    ['for another address', () => ({ destination: 'https://elsewhere.example/slo' })],
  ])('%s is refused', async (_title, given) => {
    const [app, other] = [await application(), await application()];
    const visitor = new Visitor();
    const session = await signIn(app, visitor);
    const changes = given(other, session);
    expect((await visitor.open(await byRedirect(app, session, changes))).status).toBe(400);
    expect((await visitor.open(`${app.base}/slo`, await byForm(app, session, changes))).status).toBe(400);
    expect(await isSignedIn(visitor)).toBe(true);
  });

  test('ends nothing at the address of another application', async () => {
    const [app, other] = [await application(), await application()];
    const visitor = new Visitor();
    const session = await signIn(app, visitor);
    const page = await new Visitor().open(await byRedirect(other, session));
    expect(await carriedStatus(page)).toEqual(['Success']);
    expect(await isSignedIn(visitor)).toBe(true);
  });

  test('is no answer to a request that was never sent', async () => {
    const app = await application();
    const url = await redirectUrl(
      `${app.base}/slo`,
      {
        parameter: 'SAMLResponse',
        relayState: 'x'.repeat(43),
        xml: buildLogoutResponse({
          issuer: app.entityId,
          destination: `${app.base}/slo`,
          issueInstant: new Date(),
          inResponseTo: '_made-up',
          status: { code: statuses.success, subcode: null, message: null },
        }).xml,
      },
      applicationKey,
    );
    expect((await new Visitor().open(url)).status).toBe(400);
  });
});

describe('a sign-out here', () => {
  /** Signs out at our own page, and stops where the browser leaves. */
  async function leave(visitor: Visitor): Promise<Page> {
    return visitor.submit(await visitor.open(`${latchkey.base}/oidc/logout`), {}, 'logout');
  }

  test('leads through the applications that the browser must tell, and back', async () => {
    const app = await application();
    const visitor = new Visitor();
    const session = await signIn(app, visitor);
    const hop = await leave(visitor);
    const profile = await app.saml.validateRedirectAsync(
      Object.fromEntries(new URL(hop.location!).searchParams),
      new URL(hop.location!).search.slice(1),
    );
    expect(profile).toMatchObject({ profile: { nameID: session.nameId.value, sessionIndex: session.sessionIndex } });
    expect(await isSignedIn(visitor)).toBe(false);
    const done = await visitor.open(await answerTo(app, hop));
    expect([done.status, new URL(done.url).pathname]).toEqual([200, '/oidc/logout/success']);
  });

  test('tells no application without an address for it', async () => {
    const app = await application('none');
    const visitor = new Visitor();
    await signIn(app, visitor);
    expect(new URL((await leave(visitor)).url).pathname).toBe('/oidc/logout/success');
  });

  test('is told by the back channel where there is one, also when an operator ends the session', async () => {
    const app = await application('soap');
    const answered = async (body: string): Promise<string> => {
      const inResponseTo = / ID="([^"]+)"/.exec(body)![1]!;
      const { xml } = buildLogoutResponse({
        issuer: app.entityId,
        destination: `${app.base}/slo`,
        issueInstant: new Date(),
        inResponseTo,
        status: { code: statuses.success, subcode: null, message: null },
      });
      return soapEnvelope(await signXml(xml, applicationKey));
    };
    soapAnswer = answered;
    const [own, operated] = [new Visitor(), new Visitor()];
    const sessions = [await signIn(app, own), await signIn(app, operated)];
    expect(new URL((await leave(own)).url).pathname).toBe('/oidc/logout/success');
    await vi.waitFor(() => expect(heard.join()).toContain(sessions[0]!.sessionIndex), { timeout: 60_000 });
    expect(heard.join()).not.toContain(sessions[1]!.sessionIndex);
    await latchkey.run('users.sessions.end_all', { user_id: user.id });
    await vi.waitFor(() => expect(heard.join()).toContain(sessions[1]!.sessionIndex), { timeout: 60_000 });
    expect(heard.join()).toContain('<ds:Signature ');
  });
});
