import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp();
});
afterAll(() => latchkey.close());

type Policies = Record<string, Record<string, unknown>>;

describe('policies', () => {
  test('have the safe default each', async () => {
    const all = await latchkey.run<Policies>('settings.list');
    expect(all['oidc']).toMatchObject({ pkce: 'all', responseTypes: 'code', registration: 'off' });
    expect(all['limits']).toMatchObject({
      passwordFreeFailures: 5,
      passwordMaximumFailures: 100,
      passwordFailuresPerAddress: 20,
    });
    expect(all['password']).toMatchObject({ minimumLength: 15 });
    expect(all['session']).toMatchObject({ idleSeconds: 3600, absoluteSeconds: 86_400 });
  });

  test.each([
    ['oidc.pkce', 'none', /oidc\.pkce/],
    ['session.idleSeconds', '0', /session\.idleSeconds/],
    ['password.minimumLength', '4', /password\.minimumLength/],
    ['branding.color', 'red', /#0a3fb5/],
    ['branding.privacyUrl', 'javascript:alert(1)', /privacyUrl/],
    ['nothing.here', '1', /no setting/],
    ['oidc', '1', /no setting/],
    ['oidc.pkce.deep', '1', /no setting/],
    ['__proto__.polluted', '1', /no setting/],
    ['oidc.unknown', '1', /oidc/],
  ])('refuse %s = %s and say why', async (name, value, why) => {
    await expect(latchkey.run('settings.set', { name, value })).rejects.toThrow(why);
  });

  test('change at once, with an event that tells before and after, and back to the default by null', async () => {
    await latchkey.run('settings.set', { name: 'branding.name', value: 'Fernway' });
    const page = await fetch(`${latchkey.base}/no-such-page`, { headers: { accept: 'text/html' } });
    expect(await page.text()).toContain('Fernway');
    const [event] = await latchkey.app.database.sql<{ details: { before: object; after: object } | string }>(
      `select details from audit_event where type = 'setting.changed' order by sequence desc limit 1`,
    );
    const details = typeof event?.details === 'string' ? (JSON.parse(event.details) as object) : event?.details;
    expect(details).toMatchObject({ before: { name: 'Latchkey' }, after: { name: 'Fernway' } });
    await latchkey.run('settings.set', { name: 'branding.name', value: 'null' });
    expect((await latchkey.run<Policies>('settings.list'))['branding']).toEqual({ name: 'Latchkey' });
  });

  test('that cannot be read any more fall back to their default', async () => {
    await latchkey.app.database.sql(
      `insert into setting (section, value, changed_at) values ('session', '{"idleSeconds":"soon"}', now())`,
    );
    await latchkey.app.settings.reload();
    expect(latchkey.app.settings.policy('session').idleSeconds).toBe(3600);
  });
});
