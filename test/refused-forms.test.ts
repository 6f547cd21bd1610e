/** A refused form answers 303 to its own page, which shows the problem once; no secret that was typed is kept for it. */
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKeyRing } from '#kernel/crypto.ts';
import { startTestApp, type TestApp, testSecrets } from './support/app.ts';
import {
  besidePassword,
  behind,
  connectionTest,
  create,
  createAddress,
  createCheck,
  createNamed,
  createWithTerms,
  demandedPassword,
  emailStep,
  enrolment,
  firstPasskey,
  firstPassword,
  formWith,
  inside,
  linkedAccounts,
  login,
  mailedPassword,
  newCodes,
  offeredPasskey,
  onlyOwner,
  onlyPasskey,
  openRequest,
  outside,
  ownOrganizations,
  password,
  profile,
  profileStep,
  providers,
  type Reach,
  secondFactor,
  setup,
  waitlist,
  type World,
} from './support/form-pages.ts';
import { type Mails, openMails } from './support/mails.ts';
import { newcomer, ownNetworks } from './support/registration.ts';
import { openSmsGateway, type SmsGateway } from './support/sms-gateway.ts';
import type { Page, Visitor } from './support/visitor.ts';

const CANARY = 'canary of a secret 7';
/** Longer than any field of a password. */
const LONG_CANARY = CANARY.repeat(250);

let mails: Mails;
let gateway: SmsGateway;
let latchkey: TestApp;
let world: World;
beforeAll(async () => {
  [mails, gateway] = await Promise.all([openMails(), openSmsGateway()]);
  latchkey = await startTestApp({
    env: { ...mails.env, ...gateway.env, ...ownNetworks },
    settings: { 'sms.countries': ['1'] },
  });
  const [client, user] = [await latchkey.client({ first_party: true }), await latchkey.user({ email_verified: true })];
  world = { latchkey, mails, client, user, set };
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
  gateway.close();
});

/** Settings that a row changed, until they are reset. */
const changed = new Set<string>();
async function set(name: string, value: unknown): Promise<void> {
  await latchkey.run('settings.update', { name, value: JSON.stringify(value) });
  changed.add(name);
}
async function setDefaults(): Promise<void> {
  for (const name of changed) await set(name, null);
  changed.clear();
}

/**
 * The file below src that keeps what was refused, with the name that this has there; a page with the form; what is typed
 * wrongly into it; and the end of the path that it is sent to, where no field tells which form it is.
 */
type Row = [of: string, reach: Reach, typed: Record<string, string | Blob>, sentTo?: string];
const noPasskey = { failure: 'cancelled', credential: CANARY };
const forms: Readonly<Record<string, Row>> = {
  'the address of a sign-in': ['sign-in/login/routes identifierPage', login, { email: 'no address' }],
  'the password of a sign-in': ['sign-in/login/routes passwordPage', password, { password: CANARY }],
  'no password': ['sign-in/login/routes passwordPage', password, { password: '' }],
  'a code by mail': ['sign-in/passwordless/routes codePage', besidePassword('email-code'), { code: CANARY }],
  'a passkey that was not given': [
    'sign-in/passkey/routes passkeyPage',
    besidePassword('passkey'),
    { failure: 'cancelled', credential: '' },
  ],
  'a forgotten password, in a sign-in': [
    'sign-in/recovery/routes forgotPage',
    besidePassword('forgot'),
    { email: 'no address' },
  ],
  'a forgotten password': ['sign-in/recovery/routes forgotPage', outside('/recovery'), { email: '' }],
  'a new password by link': ['sign-in/recovery/reset-routes passwordPage', mailedPassword, { password: LONG_CANARY }],
  'a new password that is demanded': [
    'sign-in/recovery/demand-routes passwordPage',
    demandedPassword,
    { password: LONG_CANARY },
  ],
  'the address of the account, in a sign-in': [
    'sign-in/verification/step-routes stepPage',
    emailStep,
    { code: CANARY },
  ],
  'a provider that does not answer, in a sign-in': [
    'sign-in/federation/routes providersPage',
    providers,
    {},
    '/federation/gone',
  ],
  'the test of a provider that does not answer': [
    'sign-in/federation/test-routes testPage',
    connectionTest,
    { action: 'test' },
  ],
  'a second factor': ['sign-in/mfa/routes codePage', secondFactor, { code: CANARY }],
  'an authenticator app, in a sign-in': ['sign-in/mfa/enrolment-routes totpPage', enrolment('totp'), { code: CANARY }],
  'a passkey as second factor, in a sign-in': [
    'sign-in/passkey/enrol-routes enrolPage',
    enrolment('passkey'),
    noPasskey,
  ],
  'a passkey that is offered': ['sign-in/passkey/enrol-routes enrolPage', offeredPasskey, noPasskey],
  'recovery codes, in a sign-in': ['sign-in/mfa/recovery-code-routes codesPage', newCodes, {}, '/recovery-codes'],
  'a new account': ['sign-in/registration/create-routes createPage', create, { email: 'no address', password: CANARY }],
  'the password of a new account': [
    'sign-in/registration/create-routes createPage',
    create,
    { name: 'Noor', email: 'noor@example.com', password: LONG_CANARY },
  ],
  'the terms for a new account': [
    'sign-in/registration/create-routes createPage',
    createWithTerms,
    { name: 'Noor', email: 'noor@example.com', password: CANARY },
  ],
  'a new account without an email address': [
    'sign-in/registration/username-routes usernamePage',
    createNamed,
    { name: 'Noor', username: 'root', password: CANARY },
  ],
  'the code of a new account': ['sign-in/registration/check-routes checkPage', createCheck, { code: CANARY }],
  'another address of a new account': [
    'sign-in/registration/check-routes addressPage',
    createAddress,
    { email: 'no address' },
  ],
  'the passkey of a new account': ['sign-in/registration/first-passkey-routes passkeyPage', firstPasskey, noPasskey],
  'the password instead of a passkey': [
    'sign-in/registration/first-passkey-routes passwordPage',
    firstPassword,
    { password: LONG_CANARY },
  ],
  'what every user says': ['sign-in/registration/task-routes profilePage', profileStep, { birthdate: 'never' }],
  'the waitlist': ['directory/waitlist/routes joinPage', waitlist, { name: 'Noor', email: 'no address' }],
  'the code of the waitlist': [
    'directory/waitlist/routes codePage',
    behind(waitlist, { name: 'Noor', email: 'noor@example.com' }),
    { code: CANARY },
  ],
  'the code of a device': ['sign-in/device/module codePage', outside('/oidc/device'), { user_code: 'BBBB-BBBB' }],
  'the first administrator': [
    'setup/routes adminPage',
    setup,
    { name: 'Grace', email: 'grace@example.com', password: CANARY, password_again: `${CANARY}1` },
  ],
  'a new password': [
    'account/password/password-routes passwordPage',
    inside('/account/password'),
    { current: CANARY, password: `${CANARY} and more` },
  ],
  'an authenticator app': [
    'account/authenticator/authenticator-routes authenticatorPage',
    inside('/account/authenticator'),
    { code: CANARY },
  ],
  'a passkey of the account': ['account/passkeys/passkey-routes newPage', inside('/account/passkeys/new'), noPasskey],
  'the last passkey': ['account/passkeys/passkey-routes onePage', onlyPasskey, { action: 'remove', name: 'Blue key' }],
  'a provider that does not answer': [
    'account/linked-accounts/linked-account-routes linkedPage',
    linkedAccounts,
    { connection: 'gone' },
    '/link',
  ],
  'recovery codes': [
    'account/recovery-codes/recovery-code-routes shownPage',
    behind(inside('/account/recovery-codes'), {}, '/recovery-codes'),
    {},
    '/show',
  ],
  'closing the account': [
    'account/data/data-routes closePage',
    inside('/account/close'),
    { email: 'other@example.com' },
  ],
  'a new organization without a name': [
    'account/organizations/organization-routes page',
    ownOrganizations,
    { name: ' ' },
    '/organizations/create',
  ],
  'an answer to a request to join': [
    'account/organizations/request-routes page',
    openRequest,
    { user: 'nobody' },
    '/requests',
  ],
  'leaving as the only owner': ['account/organizations/organization-routes leavePage', onlyOwner, {}, '/leave'],
  'the profile': ['account/profile/profile-form profilePage', profile, { website: 'javascript:alert(1)' }, '/profile'],
  'the picture': [
    'account/profile/profile-form profilePage',
    inside('/account/profile'),
    { picture: new Blob([CANARY]) },
    '/picture',
  ],
  'another address': [
    'account/contacts/email-routes emailsPage',
    inside('/account/emails'),
    { email: 'no address' },
    '/emails',
  ],
  'the code for another address': [
    'account/contacts/email-confirm-routes confirmPage',
    behind(inside('/account/emails'), { email: 'another@example.com' }),
    { code: CANARY },
  ],
  'another first address': [
    'account/contacts/email-confirm-routes changePage',
    inside('/account/emails/change'),
    { email: 'no address' },
  ],
  'a phone number': ['account/contacts/phone-routes phonesPage', inside('/account/phones'), { phone: 'no number' }],
  'the code for a phone number': [
    'account/contacts/phone-routes confirmPage',
    behind(inside('/account/phones'), { phone: '+12025550123' }),
    { code: CANARY },
  ],
};

/**
 * Nothing is refused here: an answer of a provider, the offer of a sign-out there, or the time of another mail is kept until its page
 * has shown it.
 */
const withoutForm = [
  'sign-in/federation/saml-routes landingPage',
  'sign-in/logout/module donePage',
  'sign-in/recovery/routes sentPage',
];

test('every form that the code can refuse has its row', () => {
  const src = resolve(import.meta.dirname, '../src');
  const files = globSync('**/*.ts', { cwd: src }).filter((file) => !file.startsWith('kernel/'));
  const found = files.flatMap((file) =>
    [...readFileSync(join(src, file), 'utf8').matchAll(/(?:const (\w+) = )?\bformPage</g)].map(
      ([, name]) => `${file.replace(/\.ts$/, '')} ${name}`,
    ),
  );
  const known = new Set(Object.values(forms).map(([of]) => of));
  expect([...known, ...withoutForm].toSorted()).toEqual(found.toSorted());
});

/** The decrypted content of a response's cookies, for each page and holder of forms. */
async function openedCookies(answer: Page): Promise<string[]> {
  const ring = createKeyRing([testSecrets]);
  const rows = await latchkey.app.database.sql<{ uid: string }>(
    `select payload->>'uid' as uid from oidc_artifact where kind = 'Session'`,
  );
  const holders = ['', ...rows.map(({ uid }) => uid)];
  const page = new URL(answer.location!).pathname;
  const kept = answer.headers
    .getSetCookie()
    .flatMap((line) => /^latchkey-refused-[\w-]+=([^;]+)/.exec(line)?.[1] ?? []);
  return kept.map((sealed) => {
    for (const holder of holders)
      try {
        return ring.open(sealed, `refusal:${page}:${holder}`);
      } catch {
        continue;
      }
    throw new Error(`nobody can open what is kept for ${page}`);
  });
}

/** A form with a file is sent in parts. */
function bodyOf(fields: Record<string, string | Blob>): Record<string, string> | FormData {
  const texts = Object.entries(fields).filter((field): field is [string, string] => typeof field[1] === 'string');
  if (texts.length === Object.keys(fields).length) return Object.fromEntries(texts);
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  return body;
}

const isShown = (page: Page): boolean => page.isRefused && page.text.includes('<title>Error:');

describe.each(Object.keys(forms))('%s', (name) => {
  const [, reach, typed, sentTo] = forms[name]!;
  let visitor: Visitor;
  let page: Page;
  let answer: Page;
  beforeAll(async () => {
    visitor = newcomer();
    page = await reach(visitor, world);
    const form = formWith(page, typed, sentTo);
    answer = await visitor.request(form?.action ?? '', { form: bodyOf({ ...form?.fields, ...typed }) });
  });
  afterAll(setDefaults);

  test('is refused with 303 to its own page, without the error in the address', () => {
    expect([answer.status, answer.location]).toEqual([303, page.url.replace(/\?.*/, '')]);
    expect(answer.headers.get('retry-after')).toBeNull();
  });

  test('is kept without typed secrets', async () => {
    const [kept, ...others] = await openedCookies(answer);
    expect(others).toEqual([]);
    expect(JSON.parse(kept!)).toMatchObject({ what: expect.any(Object) as object });
    expect(kept).not.toContain(CANARY);
    expect(answer.headers.getSetCookie().join()).not.toContain(CANARY);
  });

  test('shows its error on its page, once', async () => {
    const elsewhere = await visitor.open(`${latchkey.base}/recovery`);
    expect(isShown(elsewhere) && page.url !== elsewhere.url).toBe(false);
    const again = page.url === elsewhere.url ? elsewhere : await visitor.open(answer.location!);
    expect([again.status, again.url, isShown(again)]).toEqual([200, answer.location, true]);
    expect(again.text).not.toContain(CANARY);
    const reloaded = await visitor.open(again.url);
    expect([reloaded.status, isShown(reloaded)]).toEqual([200, false]);
  });
});
