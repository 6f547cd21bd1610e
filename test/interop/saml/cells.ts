/** The columns of SAML: an identity provider and a service provider meet, as a person with a browser sees it. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { setTimeout as pause } from 'node:timers/promises';
import { must, type Row } from '../matrix.ts';
import type { Page } from '../../support/visitor.ts';
import { Browser, gist, type Message } from './browser.ts';
import { type Format, formats, type IdentityProvider, type Known, type Person, type ServiceProvider } from './peers.ts';

const NOTICE_WITHIN_MS = 15_000;

export const columns = [
  'sign-in',
  'ForceAuthn',
  'NameID formats',
  'encrypted',
  'replay',
  'wrong audience',
  'logout at SP',
  'logout at IdP',
  'key roll-over',
  'wrong key',
] as const;
export type Column = (typeof columns)[number];

export type Meeting = { idp: IdentityProvider; sp: ServiceProvider; person: Person; row: Row<Column> };

/** All columns. Afterwards the two know each other's newest metadata. */
export async function meet(meeting: Meeting): Promise<void> {
  const { idp, sp, row } = meeting;
  row.version = `${idp.version}, ${sp.version}`;
  await idp.trust(await sp.metadata());
  await sp.trust(await idp.metadata());
  for (const column of columns) {
    const reason = sp.lacks[column] ?? idp.lacks[column];
    if (reason === undefined) await row.cell(column, () => checks[column](meeting));
    else row.leaveOut(column, reason);
  }
}

const checks: Record<Column, (meeting: Meeting) => Promise<void>> = {
  async 'sign-in'(meeting) {
    const browser = new Browser();
    must((await meeting.sp.who(browser)) === null, 'signed in before');
    mustBe(meeting.person, await signedIn(meeting, browser));
  },

  async ForceAuthn(meeting) {
    const { idp, sp } = meeting;
    const browser = new Browser();
    await signedIn(meeting, browser);
    browser.forget(sp.hosts);
    must(!idp.asks(await sp.begin(browser)), 'the identity provider asks again although nobody wished it');
    browser.forget(sp.hosts);
    const page = await sp.begin(browser, { forceAuthn: true });
    must(idp.asks(page), `the identity provider does not ask: ${gist(page)}`);
    await idp.answer(browser, page, meeting.person);
    must((await sp.who(browser)) !== null, 'not signed in after the second question');
  },

  async 'NameID formats'(meeting) {
    const names = new Map<Format, string>();
    for (const format of ['email', 'transient', 'persistent'] as const) {
      const known = await signedIn(meeting, new Browser(), { format });
      must(known.format === formats[format], `asked for ${format}, got ${known.format}`);
      names.set(format, known.name);
    }
    must(names.get('email') === meeting.person.attributes['mail']?.[0], `the address is ${names.get('email')}`);
    const again = async (format: Format) => (await signedIn(meeting, new Browser(), { format })).name;
    must((await again('transient')) !== names.get('transient'), 'a transient name came twice');
    must((await again('persistent')) === names.get('persistent'), 'a persistent name changed');
  },

  async encrypted(meeting) {
    const browser = new Browser();
    await meeting.idp.encrypt(true);
    try {
      mustBe(meeting.person, await signedIn(meeting, browser));
    } finally {
      await meeting.idp.encrypt(false);
    }
    const text = textOf(answerIn(browser));
    must(text.includes('EncryptedAssertion'), 'the assertion was not encrypted');
    must(!text.includes(meeting.person.attributes['mail']?.[0] ?? ''), 'the address was readable');
  },

  async replay(meeting) {
    const { sp, idp } = meeting;
    const [browser, other] = [new Browser(), new Browser()];
    await signedIn(meeting, browser);
    const { url, form } = answerIn(browser);
    browser.forget(sp.hosts);
    for (const each of [browser, other]) {
      const page = form ? await each.post(url, form, idp.base) : await each.open(url);
      must((await sp.who(each)) === null, `an answer that was used is taken again: ${gist(page)}`);
    }
    mustBeWhole(await sp.begin(browser));
  },

  async 'wrong audience'(meeting) {
    const { idp, sp } = meeting;
    const metadata = await sp.metadata();
    const other = `${sp.entityId}/other`;
    await idp.trust(metadata, otherService(metadata, sp.entityId, other));
    const browser = new Browser();
    browser.onMessage = (message) => asked(message, (xml) => xml.replaceAll(sp.entityId, other));
    const asks = await sp.begin(browser);
    const page = idp.asks(asks) ? await idp.answer(browser, asks, meeting.person) : asks;
    browser.onMessage = (message) => message;
    await idp.trust(metadata);
    // A provider may know better than to answer one service at the address of another.
    const isRefused = idp.hosts.includes(new URL(page.url).hostname) && page.status >= 400;
    must(isRefused || answerIn(browser).form !== undefined, `no answer came: ${gist(page)}`);
    must((await sp.who(browser)) === null, `an answer for another service is taken: ${gist(page)}`);
  },

  async 'logout at SP'(meeting) {
    const { idp, sp } = meeting;
    const browser = new Browser();
    await signedIn(meeting, browser);
    const page = await sp.signOut(browser);
    must(new URL(page.url).hostname === sp.hosts[0], `the sign-out ends at ${gist(page)}`);
    must((await sp.who(browser)) === null, `still signed in at the service: ${gist(page)}`);
    const next = await sp.begin(browser);
    must(idp.asks(next), `still signed in at the identity provider: ${gist(next)}`);
  },

  async 'logout at IdP'(meeting) {
    const { idp, sp } = meeting;
    const browser = new Browser();
    await signedIn(meeting, browser);
    const page = await idp.signOut(browser);
    // A notice of one server to another may come after the page.
    const end = performance.now() + NOTICE_WITHIN_MS;
    while ((await sp.who(browser)) !== null) {
      must(performance.now() < end, `still signed in at the service: ${gist(page)}`);
      await pause(100);
    }
    const next = await sp.begin(browser);
    must(idp.asks(next), `still signed in at the identity provider: ${gist(next)}`);
  },

  async 'key roll-over'(meeting) {
    const { idp, sp } = meeting;
    await idp.announceKey();
    await sp.trust(await idp.metadata());
    mustBe(meeting.person, await signedIn(meeting, new Browser()));
    await idp.changeKey();
    mustBe(meeting.person, await signedIn(meeting, new Browser()));
    await sp.trust(await idp.metadata());
  },

  async 'wrong key'(meeting) {
    const { idp, sp } = meeting;
    await idp.changeKey();
    const browser = new Browser();
    const page = await idp.answer(browser, await sp.begin(browser), meeting.person);
    must(answerIn(browser).form !== undefined, `no answer came: ${gist(page)}`);
    must((await sp.who(browser)) === null, `an answer under an unknown key is taken: ${gist(page)}`);
    await sp.trust(await idp.metadata());
    mustBe(meeting.person, await signedIn(meeting, new Browser()));
  },
};

/** Goes from the service to the identity provider, answers there, and returns the user, as the service knows them. */
async function signedIn(
  { idp, sp, person }: Meeting,
  browser: Browser,
  wish: { format?: Format } = {},
): Promise<Known> {
  const page = await sp.begin(browser, wish);
  must(idp.asks(page), `the identity provider does not ask: ${gist(page)}`);
  const end = await idp.answer(browser, page, person);
  const known = await sp.who(browser);
  must(known !== null, `not signed in: ${gist(end)}`);
  return known;
}

function mustBe({ attributes }: Person, known: Known): void {
  const values = Object.values(known.attributes).flat();
  must(values.includes(attributes['mail']?.[0] ?? ''), `the service knows ${JSON.stringify(known)}`);
}

function mustBeWhole(page: Page): void {
  must(page.status < 500, `the service is broken afterwards: ${gist(page)}`);
}

/** The newest answer to a sign-in that went through the browser. */
function answerIn(browser: Browser): Message {
  const found = browser.messages.findLast(
    ({ form, url }) => 'SAMLResponse' in (form ?? {}) || url.includes('/callback?'),
  );
  must(found !== undefined, 'no answer went through the browser');
  return found;
}

const textOf = ({ form }: Message): string => Buffer.from(form?.['SAMLResponse'] ?? '', 'base64').toString();

/** The metadata of another service at the same addresses, whose requests need no signature. */
function otherService(metadata: string, entityId: string, other: string): string {
  return metadata
    .replace(`entityID="${entityId}"`, `entityID="${other}"`)
    .replace(/ AuthnRequestsSigned="true"/, '')
    .replace(/<(\w+:)?Signature\b[\s\S]*?<\/(\w+:)?Signature>/, '');
}

/** The request of a service, changed and without its signature. */
function asked(message: Message, change: (xml: string) => string): Message {
  const url = new URL(message.url);
  const [query, form] = [url.searchParams.get('SAMLRequest'), message.form?.['SAMLRequest']];
  if (query !== null) {
    const xml = change(inflateRawSync(Buffer.from(query, 'base64')).toString());
    url.searchParams.set('SAMLRequest', deflateRawSync(xml).toString('base64'));
    for (const name of ['Signature', 'SigAlg']) url.searchParams.delete(name);
    return { ...message, url: url.href };
  }
  if (form === undefined) return message;
  const xml = change(Buffer.from(form, 'base64').toString()).replace(
    /<(\w+:)?Signature\b[\s\S]*?<\/(\w+:)?Signature>/,
    '',
  );
  return { ...message, form: { ...message.form, SAMLRequest: Buffer.from(xml).toString('base64') } };
}
