/** The product with TLS and a name of its own, and a relying party behind it. */
import { join } from 'node:path';
import { formsOf, type Page } from '../../support/visitor.ts';
import { must } from '../matrix.ts';
import { answers, outputOf, start } from '../programs.ts';
import { type Browser, gist } from './browser.ts';
import { type Ground, type Person, placeFor, saidBy, sourcesOf } from './peers.ts';

const root = join(import.meta.dirname, '../../..');
const door = join(root, 'bin/latchkey.mjs');

type Options = Readonly<Record<string, string | true | undefined>>;
export type Answered = Record<string, unknown>;
export type Latchkey = {
  name: string;
  host: string;
  issuer: string;
  folder: string;
  /** Runs a command of the command line and returns what it prints with `--json`. An option that is `true` has no value. */
  command(words: string, options?: Options): Promise<Answered>;
  output(): string;
};

/** A program of Node knows the names and the authority of a run by these. */
const trusting = ({ authority }: Ground): Record<string, string> => ({
  NODE_EXTRA_CA_CERTS: authority.ca,
  NODE_OPTIONS: `--import ${join(import.meta.dirname, 'hosts.mjs')}`,
});

/** Starts it on a new data folder. `more`: variables of its configuration. */
export async function startLatchkey(
  ground: Ground,
  name: string,
  more: Record<string, string> = {},
): Promise<Latchkey> {
  const { folder, host, base, env: placed } = await placeFor(ground, name);
  const env = {
    ...trusting(ground),
    PORT: placed['PORT'] ?? '',
    ISSUER: base,
    TLS_CERT: ground.authority.certificate,
    TLS_KEY: ground.authority.key,
    LATCHKEY_DATA: join(folder, 'data'),
    OUTBOUND_ALLOW: '127.0.0.1',
    ...more,
  };
  const program = start({ name, command: process.execPath, args: [door, 'serve'], env, cwd: root });
  await answers(program, `${base}/readyz`);
  return {
    name,
    host,
    issuer: base,
    folder,
    output: saidBy(program),
    async command(words, options = {}) {
      const given = Object.entries(options).flatMap(([name, value]) =>
        value === undefined ? [] : value === true ? [`--${name}`] : [`--${name}`, value],
      );
      const args = [door, ...words.split(' '), ...given, '--json'];
      const how = { name: `latchkey ${words}`, command: process.execPath, args, env, cwd: root };
      return JSON.parse(await outputOf(how)) as Answered;
    },
  };
}

export async function createPerson(latchkey: Latchkey, { password, attributes }: Person): Promise<void> {
  const [email, name] = [attributes['mail']?.[0], attributes['displayName']?.[0]];
  await latchkey.command('user create', { email, name, password, 'email-verified': true });
}

export type RelyingParty = {
  host: string;
  base: string;
  begin(browser: Browser, query?: Record<string, string>): Promise<Page>;
  /** The claims that it knows of its user; null without one. */
  who(browser: Browser): Promise<Answered | null>;
  /** `also`: the connection whose provider signs out the user, too. */
  signOut(browser: Browser, also?: string): Promise<Page>;
};

/** An application that signs in at the product. `more`: options of its client. */
export async function startRelyingParty(
  ground: Ground,
  latchkey: Latchkey,
  name = `app-of-${latchkey.name}`,
  more: Options = {},
): Promise<RelyingParty> {
  const { host, base, env } = await placeFor(ground, name);
  const client = await latchkey.command('client create', {
    name: 'App',
    preset: 'server',
    'first-party': true,
    'redirect-uri': `${base}/callback`,
    'post-logout-redirect-uri': `${base}/`,
    'backchannel-logout-uri': `${base}/backchannel`,
    ...more,
  });
  const credentials = {
    ISSUER: latchkey.issuer,
    CLIENT_ID: String(client['client_id']),
    CLIENT_SECRET: String(client['client_secret']),
  };
  const program = start({
    name,
    command: process.execPath,
    args: [join(sourcesOf('relying-party'), 'app.mjs')],
    env: { ...env, ...trusting(ground), ...credentials },
  });
  await answers(program, `${base}/`);
  return {
    host,
    base,
    begin: (browser, query = {}) => browser.open(`${base}/login?${new URLSearchParams(query).toString()}`),
    async who(browser) {
      const { status, text } = await browser.look(`${base}/me`);
      return status === 200 ? (JSON.parse(text) as Answered) : null;
    },
    async signOut(browser, also) {
      const question = await browser.open(`${base}/logout`);
      return browser.submit(question, also === undefined ? {} : { also }, 'logout');
    },
  };
}

const MOST_PAGES = 8;

/** Whether a page of the product asks who signs in. */
export const asksAt = ({ host }: Latchkey, page: Page): boolean =>
  new URL(page.url).hostname === host && formsOf(page).some(({ fields }) => 'email' in fields || 'password' in fields);

/** Answers the pages of the product as this person, until they end. */
export async function answerAt({ host }: Latchkey, browser: Browser, first: Page, person: Person): Promise<Page> {
  let page = first;
  for (let pages = 0; new URL(page.url).hostname === host && formsOf(page).length > 0; pages += 1) {
    must(pages < MOST_PAGES, `the sign-in stops at ${gist(page)}`);
    const form = formsOf(page).find(({ fields }) => 'password' in fields || 'email' in fields);
    if (form && 'password' in form.fields) page = await browser.submit(page, { password: person.password });
    else if (form) page = await browser.submit(page, { email: person.attributes['mail']?.[0] ?? '' });
    else page = await browser.submit(page, {}, 'allow');
  }
  return page;
}

/** Presses the button of a connection, where the product asks how to sign in. */
export async function chooseProvider({ host }: Latchkey, browser: Browser, page: Page, slug: string): Promise<Page> {
  return new URL(page.url).hostname === host ? browser.submit(page, {}, `/federation/${slug}`) : page;
}
