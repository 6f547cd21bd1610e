/** Back, reload, a second press and a second tab in a real browser: nothing is sent again, and each page says where the sign-in is. */
import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import { travel } from '../support/account.ts';
import { startTestApp, type TestApp, type TestUser } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { post } from '../support/visitor.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';
import {
  arrive,
  expectGoodPage,
  expectRefused,
  heading,
  identify,
  newPerson,
  type Person,
  typeEmail,
  typePassword,
} from './person.ts';

let browser: Browser;
let latchkey: TestApp;
let tally: WebApp;
let user: TestUser;
let person: Person;
/** Of the forms that the browser sent and the answers that the application got: paths, in order. */
let sent: string[];
let arrived: URL[];

beforeAll(async () => {
  [browser, latchkey] = await Promise.all([launchBrowser(), startTestApp()]);
  tally = await startWebApp(latchkey, { first_party: true });
});
afterAll(async () => {
  await browser?.close();
  await tally?.close();
  await latchkey?.close();
});
beforeEach(async () => {
  user = await latchkey.user({ email_verified: true });
  [sent, arrived] = [[], []];
});
afterEach(async () => {
  vi.useRealTimers();
  expect(person.complaints).toEqual([]);
  await person.context.close();
});

async function someone(options: Parameters<typeof newPerson>[1] = {}): Promise<Page> {
  person = await newPerson(browser, options);
  person.context.on('request', (request) => {
    const url = new URL(request.url());
    if (request.method() === 'POST' && request.isNavigationRequest())
      sent.push(url.pathname.replace(/^\/interaction\/[^/]+/, ''));
    if (url.pathname === '/callback') arrived.push(url);
  });
  return person.page;
}

const begin = (page: Page): Promise<unknown> => page.goto(`${tally.base}/login`);
const uidOf = (page: Page): string => /\/interaction\/([\w-]+)/.exec(page.url())?.[1] ?? '';
const link = (page: Page, name: string): Promise<boolean> => page.getByRole('link', { name }).isVisible();

async function refusedOnce(page: Page): Promise<void> {
  await begin(page);
  await identify(page, { email: user.email, password: 'not this one, sorry' });
  await expectRefused(page, 'password');
}

/** The page is one of ours, and the browser asked for it without a form. */
async function expectShown(page: Page, title: string): Promise<void> {
  expect(page.url()).not.toContain('chrome-error:');
  expect(await heading(page)).toBe(title);
  expect(await page.locator('[role=alert], [aria-invalid]').count()).toBe(0);
}

describe('Back', () => {
  test('after one wrong and one right password leads to the result of the sign-in', async () => {
    const page = await someone();
    await refusedOnce(page);
    await typePassword(page, user.password);
    await arrive(page, tally);
    const before = [...sent];
    expect(before).toEqual(['/login', '/password', '/password']);
    const answer = await page.goBack();
    expect([answer?.request().method(), answer?.status()]).toEqual(['GET', 410]);
    await expectShown(page, 'You’re signed in');
    expect(await page.getByText(user.email).isVisible()).toBe(true);
    expect(sent).toEqual(before);
    await page.goForward();
    expect(await heading(page)).toBe(`Signed in as ${user.email}`);
    expect(arrived).toHaveLength(1);
  });

  test('through a whole finished sign-in sends nothing and begins nothing', async () => {
    const page = await someone();
    await page.goto(`${tally.base}/`);
    await begin(page);
    await identify(page, user);
    await arrive(page, tally);
    const before = [...sent];
    for (let steps = 0; page.url() !== `${tally.base}/` || steps === 0; steps += 1) {
      expect(steps).toBeLessThan(5);
      await page.goBack();
      if (page.url() !== `${tally.base}/`) await expectShown(page, 'You’re signed in');
    }
    expect(await heading(page)).toBe(`Signed in as ${user.email}`);
    expect([sent, arrived.length]).toEqual([before, 1]);
  });

  test('from the password page stays there, and another address can be entered', async () => {
    const page = await someone();
    await begin(page);
    await typeEmail(page, 'typo@example.com');
    const before = [...sent];
    await page.goBack();
    await expectShown(page, 'Enter your password');
    expect(sent).toEqual(before);
    await page.getByRole('link', { name: 'Use another account' }).click();
    await page.locator('#email').waitFor();
    await identify(page, user);
    await arrive(page, tally);
    expect(await heading(page)).toBe(`Signed in as ${user.email}`);
  });
});

describe('an account that the browser remembers', () => {
  /** Signed in, to be kept, and the session gone. */
  async function remembered(): Promise<Page> {
    const page = await someone();
    await begin(page);
    await typeEmail(page, user.email);
    await page.getByLabel('Keep me signed in').check();
    await typePassword(page, user.password);
    await arrive(page, tally);
    await endSession();
    await begin(page);
    await expectShown(page, 'Enter your password');
    return page;
  }
  const endSession = () => person.context.clearCookies({ name: /session/ });

  test('signs in by its password alone, and Back leads to the result', async () => {
    const page = await remembered();
    const before = [...sent];
    expect(await page.getByText(user.email).isVisible()).toBe(true);
    expect(await page.getByLabel('Keep me signed in').isChecked()).toBe(true);
    await typePassword(page, user.password);
    await arrive(page, tally);
    expect(sent.slice(before.length)).toEqual(['/password']);
    await page.goBack();
    await expectShown(page, 'You’re signed in');
  });

  test('is passed over and found again by Back', async () => {
    const page = await remembered();
    await page.getByRole('link', { name: 'Use another account' }).click();
    await page.locator('#email').waitFor();
    expect(await page.locator('#email').inputValue()).toBe('');
    await page.getByRole('link', { name: 'Choose an account you’ve used before' }).click();
    await expectShown(page, 'Choose an account');
    await expectGoodPage(page);
    await page.goBack();
    await page.goBack();
    await expectShown(page, 'Enter your password');
  });

  test('that another tab has forgotten is shown by Back no more, and its open form proves nothing', async () => {
    const page = await remembered();
    const other = await person.newTab();
    await begin(other);
    await other.getByRole('button', { name: 'Forget this account' }).click();
    await other.locator('#email').waitFor();
    await other.goBack();
    await expectShown(other, 'Sign in to Tally');
    await typePassword(page, user.password);
    await page.locator('#email').waitFor();
    expect([arrived.length, await page.getByText(user.email).count()]).toEqual([1, 0]);
  });
});

describe.each([
  { title: 'with scripts', javaScriptEnabled: true },
  { title: 'without scripts', javaScriptEnabled: false },
])('the password button pressed twice, $title', ({ javaScriptEnabled }) => {
  test.each([
    { title: 'at once', wait: 0 },
    { title: 'while the first answer is on its way', wait: 400 },
  ])(
    '$title, gives the application one response',
    async ({ wait }) => {
      const page = await someone({ javaScriptEnabled });
      await begin(page);
      await typeEmail(page, user.email);
      const network = await person.context.newCDPSession(page);
      await network.send('Network.enable');
      await network.send('Network.emulateNetworkConditions', {
        offline: false,
        latency: 800,
        downloadThroughput: -1,
        uploadThroughput: -1,
      });
      const statuses: number[] = [];
      page.on('response', (response) => statuses.push(response.status()));
      await page.locator('#password').fill(user.password);
      const button = await page.locator('button[name=action][value=continue]').boundingBox();
      const [x, y] = [button!.x + button!.width / 2, button!.y + button!.height / 2];
      await page.mouse.click(x, y);
      await page.waitForTimeout(wait);
      await page.mouse.click(x, y);
      await arrive(page, tally);
      expect(await heading(page)).toBe(`Signed in as ${user.email}`);
      expect(statuses.filter((status) => status >= 400)).toEqual([]);
      expect(new Set(arrived.map(({ search }) => search)).size).toBe(1);
      const finished = await latchkey.app.database.sql(
        `select 1 from audit_record where type = 'user.signed_in' and subject_id = $1`,
        [user.id],
      );
      expect(finished).toHaveLength(1);
    },
    60_000,
  );
});

describe('a tab that was left open', () => {
  test('until the sign-in expired says so when it is sent, and restarts it', async () => {
    const page = await someone();
    await begin(page);
    await typeEmail(page, user.email);
    travel(16 * MINUTE);
    await typePassword(page, user.password);
    await page.getByRole('heading', { name: 'This sign-in has expired' }).waitFor();
    expect(await page.getByText('You’re not signed in here.').isVisible()).toBe(true);
    await page.getByRole('link', { name: 'Start again' }).click();
    await page.locator('#email').waitFor();
    await identify(page, user);
    await arrive(page, tally);
    expect(await heading(page)).toBe(`Signed in as ${user.email}`);
  });

  test('until the sign-in was lost says so when it is sent, and leads on', async () => {
    const page = await someone();
    await begin(page);
    await typeEmail(page, user.email);
    await latchkey.app.database.sql(`delete from oidc_artifact where kind = 'Interaction'`);
    await typePassword(page, user.password);
    await page.getByRole('heading', { name: 'This sign-in has ended' }).waitFor();
    expect(await link(page, 'Sign in')).toBe(true);
    expect(arrived).toEqual([]);
  });

  test('next to another one finishes like it', async () => {
    const first = await someone();
    const second = await person.newTab();
    await begin(first);
    await second.goto(first.url());
    expect(uidOf(second)).toBe(uidOf(first));
    await typeEmail(first, user.email);
    await typeEmail(second, user.email);
    await typePassword(first, user.password);
    await arrive(first, tally);
    await typePassword(second, user.password);
    await second.getByRole('heading', { name: 'You’re signed in' }).waitFor();
    expect([await heading(first), arrived.length]).toEqual([`Signed in as ${user.email}`, 1]);
  });

  test('with a sign-in of its own finishes as well', async () => {
    const first = await someone();
    const other = await startWebApp(latchkey, { first_party: true, name: 'Almanac' });
    const second = await person.newTab();
    await begin(first);
    await second.goto(`${other.base}/login`);
    await typeEmail(first, user.email);
    await typeEmail(second, user.email);
    await typePassword(first, user.password);
    await arrive(first, tally);
    await typePassword(second, user.password);
    await arrive(second, other);
    expect([await heading(first), await heading(second)]).toEqual(Array(2).fill(`Signed in as ${user.email}`));
    await second.close();
    await other.close();
  });
});

describe('a page of a sign-in', () => {
  test('in another language stays at its step, and so do the following pages', async () => {
    const page = await someone();
    await begin(page);
    await typeEmail(page, user.email);
    const uid = uidOf(page);
    await page.locator('details.languages summary').click();
    await page.getByRole('link', { name: 'Deutsch' }).click();
    await page.locator('html[lang=de]').waitFor();
    expect([uidOf(page), await page.getByText(user.email).isVisible()]).toEqual([uid, true]);
    await typePassword(page, 'not this one, sorry');
    await expectRefused(page, 'password');
    expect(await page.locator('html').getAttribute('lang')).toBe('de');
    await typePassword(page, user.password);
    await arrive(page, tally);
    expect(await heading(page)).toBe(`Signed in as ${user.email}`);
  });

  test('that was refused and is reloaded shows no error, and sends nothing', async () => {
    const page = await someone();
    await refusedOnce(page);
    const [url, before] = [page.url(), [...sent]];
    const answer = await page.reload();
    expect([answer?.request().method(), answer?.status(), page.url()]).toEqual(['GET', 200, url]);
    expect(await page.locator('[role=alert], [aria-invalid]').count()).toBe(0);
    expect(await page.title()).not.toMatch(/^Error: /);
    expect(sent).toEqual(before);
    await typePassword(page, user.password);
    await arrive(page, tally);
  });
});

describe('the confirmation page of a device', () => {
  const button = (page: Page, value: string) => page.locator(`button[value=${value}]`);

  async function confirming(page: Page): Promise<{ userCode: string; hears(): Promise<string> }> {
    const grant = 'urn:ietf:params:oauth:grant-type:device_code';
    const television = await latchkey.client({ type: 'native', redirect_uris: [], grant_types: [grant] });
    const { body } = await post(`${latchkey.base}/oidc/device/auth`, television, { scope: 'openid' });
    await page.goto(String(body['verification_uri']));
    await page.locator('#user_code').fill(String(body['user_code']));
    await button(page, 'continue').click();
    await button(page, 'confirm').waitFor();
    const form = { grant_type: grant, device_code: String(body['device_code']) };
    const hears = async () => {
      const answer = await post(`${latchkey.base}/oidc/token`, television, form);
      return answer.status === 200 ? 'tokens' : answer.body.error;
    };
    return { userCode: String(body['user_code']), hears };
  }

  test('is loaded again without sending the code, also after Back from the sign-in, and goes on', async () => {
    const page = await someone();
    const { userCode, hears } = await confirming(page);
    expect(page.url()).not.toContain(userCode);
    const address = page.url();
    for (const load of [() => page.reload(), () => page.goto(address)]) {
      const answer = await load();
      expect([answer?.request().method(), answer?.status(), page.url()]).toEqual(['GET', 200, address]);
      expect(await page.locator('.bigcode').innerText()).toBe(userCode);
    }
    expect(sent).toEqual(['/oidc/device']);
    await button(page, 'confirm').click();
    await page.locator('#email').waitFor();
    const back = await page.goBack();
    expect([back?.request().method() ?? 'GET', page.url()]).toEqual(['GET', address]);
    expect(await hears()).toBe('authorization_pending');
    expect(sent).toEqual(['/oidc/device', '/oidc/device']);
    await button(page, 'confirm').click();
    await identify(page, user);
    await button(page, 'allow').click();
    await page.getByRole('heading', { name: /is connected/ }).waitFor();
    const before = [...sent];
    const again = await page.reload();
    expect([again?.request().method(), again?.status(), page.url()]).toEqual(['GET', 200, address]);
    expect(await heading(page)).toMatch(/is connected/);
    expect([sent, await hears()]).toEqual([before, 'tokens']);
  });

  test('in two tabs works in the one that was opened first, and the other one says so', async () => {
    const first = await someone();
    const { hears } = await confirming(first);
    const second = await person.newTab();
    await second.goto(first.url());
    await button(first, 'abort').click();
    await first.getByRole('heading', { name: /was not connected/ }).waitFor();
    await button(second, 'confirm').click();
    await second.getByRole('heading', { name: /was not connected/ }).waitFor();
    expect(await hears()).toBe('access_denied');
  });
});
