/** People with second factors, walking the pages of a sign-in. */
import { generateSync } from 'otplib';
import { toUuid } from '#kernel/ids.ts';
import type { TestApp, TestClient, TestUser } from './app.ts';
import { authorizeUrl, formsOf, type Page, pkce, Visitor } from './visitor.ts';

export const step = 30_000;

/** The code of an authenticator app with this key, `steps` steps from now. */
export const codeOf = (key: string, steps = 0): string =>
  generateSync({ secret: key.replaceAll(' ', ''), epoch: Math.floor(Date.now() / 1000) + steps * 30 });

/** The key that the page of a new app shows. */
export const keyOn = (page: Page): string => /id="totp-key" value="([A-Z2-7 ]+)"/.exec(page.text)?.[1] ?? '';

export const codesOn = (page: Page): string[] =>
  [...page.text.matchAll(/<li>([0-9a-z]{5}-[0-9a-z]{5}-[0-9a-z]{5})<\/li>/g)].map(([, code = '']) => code);

/** The code that went back to the relying party, if any did. */
export const codeBack = (page: Page): string | null => page.location && new URL(page.location).searchParams.get('code');

export const isAt = (page: Page, path: string): boolean => new URL(page.url).pathname.endsWith(path);

export function walk(latchkey: TestApp, client: TestClient) {
  const url = (extra: Record<string, string> = {}) =>
    authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, prompt: 'login', ...extra });

  /** The page that follows the right password. */
  async function afterPassword(
    { email, password }: Pick<TestUser, 'email' | 'password'>,
    visitor = new Visitor(),
    extra: Record<string, string> = {},
  ): Promise<{ visitor: Visitor; page: Page }> {
    const first = await visitor.open(url(extra));
    const page = 'email' in (formsOf(first)[0]?.fields ?? {}) ? await visitor.submit(first, { email }) : first;
    return { visitor, page: await visitor.submit(page, { password }) };
  }

  /** A person with an app whose secret is `key`, and recovery codes if they are wanted. */
  async function withApp(given: Record<string, unknown> = {}): Promise<TestUser & { key: string }> {
    const user = await latchkey.user(given);
    const key = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
    await latchkey.app.database.transaction((em) =>
      latchkey.app.credentials.totp.import(em, user.id as never, { secret: key }),
    );
    return { ...user, key };
  }

  async function withRecoveryCodes({ id }: Pick<TestUser, 'id'>): Promise<readonly string[]> {
    const shown = { userId: id as never, holder: 'test' };
    await latchkey.app.credentials.recoveryCodes.make(shown, { actor: { type: 'system' } });
    const codes = await latchkey.app.credentials.recoveryCodes.show(shown);
    await latchkey.app.credentials.recoveryCodes.saved(shown);
    return codes ?? [];
  }

  /**
   * The code that the app shows now, good once more although it was used: a person signs in several times within half a
   * minute. The code of another step would be too old or too new on a slow machine.
   */
  async function codeAgain({ id, key }: Pick<TestUser, 'id'> & { key: string }): Promise<string> {
    await latchkey.app.database.sql('update totp_credential set last_step = 0 where user_id = $1', [
      toUuid(id as never),
    ]);
    return codeOf(key);
  }

  return { url, afterPassword, withApp, withRecoveryCodes, codeAgain };
}
