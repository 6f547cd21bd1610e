/**
 * A company connects its identity provider, its people sign in to an application that knows OpenID Connect alone, and an application
 * that knows SAML alone signs in at the product. An administrator with the command line, and people with Chromium.
 */
import type { Browser as Chromium, Page } from 'playwright';
import { startBrowser } from '../../support/browser.ts';
import type { TestDns } from '../../support/dns.ts';
import { must, type Row } from '../matrix.ts';
import type { Latchkey, RelyingParty } from './latchkey.ts';
import { fetchText, type IdentityProvider, type Person, type ServiceProvider } from './peers.ts';

export const acceptanceColumns = [
  'connect',
  'test sign-in',
  'demand',
  'sign-in',
  'roles',
  'sign-out upstream',
  'mellon: sign-in',
  'mellon: sign-out',
  'mellon: is told',
] as const;

export type Company = {
  latchkey: Latchkey;
  /** Its client is for sign-ins to an organization. */
  relyingParty: RelyingParty;
  dns: TestDns;
  idp: IdentityProvider;
  /** A user of its identity provider, with an address at the domain of the company. */
  person: Person;
  mellon: ServiceProvider;
  /** The product as identity provider of `mellon`, and a user of it. */
  latchkeyIdp: IdentityProvider;
  user: Person;
};
type Cells = Row<(typeof acceptanceColumns)[number]>;

const SLUG = 'company';
const NOTICE_WITHIN_MS = 15_000;

export async function acceptance(company: Company, row: Cells): Promise<void> {
  const browser = await startBrowser();
  try {
    await asAdministrator(company, row, browser);
    await asPerson(company, row, browser);
    await atMellon(company, row, browser);
  } finally {
    await browser.close();
  }
}

async function asAdministrator({ latchkey, dns, idp, person }: Company, row: Cells, browser: Chromium): Promise<void> {
  const [address = ''] = person.attributes['mail'] ?? [];
  let organization = '';
  let domain = '';

  await row.cell('connect', async () => {
    organization = idIn(await latchkey.command('organization create Company', { slug: SLUG }));
    const added = await latchkey.command(`organization add-domain ${organization} ${address.split('@')[1]}`);
    domain = idIn(added);
    const { name, value } = added['record'] as { name: string; value: string };
    dns.records.set(name, [value]);
    await latchkey.command(`organization confirm-domain ${organization} ${domain}`);
    await latchkey.command(`connection create saml ${SLUG}`, {
      name: 'Company',
      preset: 'simplesamlphp',
      'organization-id': organization,
      'metadata-url': idp.entityId,
      'name-id-format': 'persistent',
      'trusts-email': 'true',
      'default-role': 'TENANT_USER',
      'group-roles': JSON.stringify({ engineers: ['TENANT_MANAGER'] }),
    });
    await idp.trust(await fetchText(`${latchkey.issuer}/saml/${SLUG}/metadata`));
  });

  await row.cell('test sign-in', async () => {
    const { url } = await latchkey.command(`connection test ${SLUG}`);
    const page = await newPage(browser);
    await page.goto(String(url));
    await page.locator('button[value=test]').click();
    await answerAtProvider(page, person);
    await page.getByText(address).first().waitFor();
    const { users } = await latchkey.command('user list');
    const known = (users as { email?: string }[]).some(({ email }) => email === address);
    must(!known, 'the test made an account');
  });

  await row.cell('demand', async () => {
    await latchkey.command(`organization change-domain ${organization} ${domain}`, { 'sign-in': 'connection' });
  });
}

async function asPerson(
  { latchkey, relyingParty, idp, person }: Company,
  row: Cells,
  browser: Chromium,
): Promise<void> {
  const [address = ''] = person.attributes['mail'] ?? [];
  const page = await newPage(browser);
  const claims = async (): Promise<Record<string, unknown> | null> => {
    const answer = await page.goto(`${relyingParty.base}/me`);
    return answer?.status() === 200 ? ((await answer.json()) as Record<string, unknown>) : null;
  };
  let known: Record<string, unknown> | null = null;

  await row.cell('sign-in', async () => {
    await page.goto(`${relyingParty.base}/login`);
    await page.locator('input[name=email]:visible').fill(address);
    await page.keyboard.press('Enter');
    await answerAtProvider(page, person);
    await page.waitForURL((url) => url.hostname === relyingParty.host);
    known = await claims();
    must(known?.['email'] === address, `the application knows ${JSON.stringify(known)}`);
  });

  await row.cell('roles', async () => {
    must(known?.['org_slug'] === SLUG, `the organization is ${String(known?.['org_slug'])}`);
    const roles = known['org_roles'] as string[];
    must(roles.includes('TENANT_MANAGER'), `the roles are ${JSON.stringify(roles)}`);
  });

  await row.cell('sign-out upstream', async () => {
    await page.goto(idp.signOutUrl);
    const end = performance.now() + NOTICE_WITHIN_MS;
    while ((await claims()) !== null) must(performance.now() < end, 'still signed in at the application');
    await page.goto(`${relyingParty.base}/login`);
    await page.locator('input[name=email]:visible').waitFor();
    must(new URL(page.url()).hostname === latchkey.host, `the application shows ${page.url()}`);
  });
}

async function atMellon({ mellon, latchkeyIdp, user }: Company, row: Cells, browser: Chromium): Promise<void> {
  const page = await newPage(browser);
  const [address = ''] = user.attributes['mail'] ?? [];
  const email = page.locator('input[name=email]:visible');

  async function signIn(): Promise<void> {
    await page.goto(`${mellon.base}/`);
    await email.fill(address);
    await page.keyboard.press('Enter');
    await page.locator('input[name=password]:visible').fill(user.password);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${mellon.base}/`);
    await page.getByRole('heading', { name: 'index.html' }).waitFor();
  }
  /** A notice of one server to another may come after the page. A browser that knows the account is asked for the password alone. */
  async function mustAsk(): Promise<void> {
    const end = performance.now() + NOTICE_WITHIN_MS;
    do {
      must(performance.now() < end, `still signed in: ${page.url()}`);
      await page.goto(`${mellon.base}/`);
    } while (new URL(page.url()).origin === mellon.base);
    await email.or(page.locator('input[name=password]:visible')).first().waitFor();
  }

  await row.cell('mellon: sign-in', async () => {
    await latchkeyIdp.trust(await mellon.metadata());
    await mellon.trust(await latchkeyIdp.metadata());
    await signIn();
  });

  await row.cell('mellon: sign-out', async () => {
    await page.goto(mellon.signOutUrl);
    await page.waitForURL(`${mellon.base}/open/`);
    await mustAsk();
  });

  await row.cell('mellon: is told', async () => {
    await signIn();
    await page.goto(latchkeyIdp.signOutUrl);
    await page.locator('button[value=logout]').click();
    await page.waitForURL((url) => url.pathname.endsWith('/success'));
    await mustAsk();
  });
}

async function answerAtProvider(page: Page, { username, password }: Person): Promise<void> {
  await page.locator('input[name=username]').fill(username);
  await page.locator('input[name=password]').fill(password);
  await page.keyboard.press('Enter');
}

/** A browser of one person. The authority of the run is in no list of Chromium. */
async function newPage(browser: Chromium): Promise<Page> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  context.setDefaultTimeout(20_000);
  return context.newPage();
}

function idIn(answer: Record<string, unknown>): string {
  must(typeof answer['id'] === 'string', `no id in ${JSON.stringify(answer)}`);
  return answer['id'];
}
