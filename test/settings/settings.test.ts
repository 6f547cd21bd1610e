import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import { instance, type PolicySubject } from '#settings/module.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp();
});
afterAll(() => latchkey.close());

async function store(section: string, value: string): Promise<void> {
  await latchkey.app.database.sql(
    `insert into setting (section, value, changed_at) values ($1, $2::jsonb, now())
     on conflict (section) do update set value = excluded.value`,
    [section, value],
  );
  await latchkey.app.settings.reload();
}

describe('the policy in force', () => {
  test('is the policy of the instance for every subject, and a read creates nothing', async () => {
    const { settings } = latchkey.app;
    const subjects: PolicySubject[] = [{ user: 'usr_1' }, { client: 'shop' }, { user: 'usr_1', client: 'shop' }];
    const before = settings.for(instance);
    for (const subject of subjects) expect(settings.for(subject)).toBe(before);
    await latchkey.run('settings.update', { name: 'mfa.trustDays', value: '7' });
    for (const subject of [instance, ...subjects]) expect(settings.for(subject).mfa.trustDays).toBe(7);
    expect(before.mfa.trustDays).toBe(30);
    await latchkey.run('settings.update', { name: 'mfa.trustDays', value: 'null' });
  });

  test('has a user, an organization or a client as subject: no ids at all are not a subject', () => {
    expectTypeOf<{ organization: undefined }>().not.toExtend<PolicySubject>();
    expectTypeOf<{ user: undefined }>().not.toExtend<PolicySubject>();
    expectTypeOf<{ user: undefined; client: string }>().toExtend<PolicySubject>();
    expectTypeOf(instance).toExtend<PolicySubject>();
  });
});

/** The defaults of all settings, by section. */
async function defaults(): Promise<Record<string, object>> {
  const { settings } = await latchkey.run<{ settings: { name: string; section: string; default: unknown }[] }>(
    'settings.list',
    { limit: 200 },
  );
  const sections = Object.entries(Object.groupBy(settings, ({ section }) => section));
  return Object.fromEntries(
    sections.map(([section, members = []]) => [
      section,
      Object.fromEntries(members.map((member) => [member.name.split('.')[1], member.default])),
    ]),
  );
}

describe('policies', () => {
  test('each have a safe default', async () => {
    const all = await defaults();
    expect(all['oidc']).toMatchObject({ pkce: 'all', responseTypes: 'code', registration: 'off' });
    expect(all['limits']).toMatchObject({
      passwordFreeFailures: 5,
      passwordMaximumFailures: 100,
      passwordFailuresPerAddress: 20,
    });
    expect(all['password']).toMatchObject({ minimumScore: 2, history: 1 });
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
  ])('refuse %s = %s with the reason', async (name, value, why) => {
    await expect(latchkey.run('settings.update', { name, value })).rejects.toThrow(why);
  });

  test('keep every one of many changes at once, also during reads', async () => {
    const { settings } = latchkey.app;
    const by = { actor: { type: 'operator' as const } };
    const changes: [string, unknown][] = [
      ['name', 'Fernway'],
      ['helpUrl', 'https://fernway.example/help'],
      ['termsUrl', 'https://fernway.example/terms'],
      ['privacyUrl', 'https://fernway.example/privacy'],
      ['color', '#0a3fb5'],
    ];
    await Promise.all(
      changes.flatMap(([name, value]) => [settings.change('branding', { [name]: value }, by), settings.reload()]),
    );
    expect(settings.for(instance).branding).toMatchObject(Object.fromEntries(changes));
    await settings.change('branding', Object.fromEntries(changes.map(([name]) => [name, null])), by);
    expect(settings.for(instance).branding.name).toBe('Latchkey');
  });

  test('change at once, with an event with the values before and after; null restores the default', async () => {
    await latchkey.run('settings.update', { name: 'branding.name', value: 'Fernway' });
    const page = await fetch(`${latchkey.base}/no-such-page`, { headers: { accept: 'text/html' } });
    expect(await page.text()).toContain('Fernway');
    const [event] = await latchkey.app.database.sql<{ details: { before: object; after: object } | string }>(
      `select details from audit_record where type = 'setting.changed' order by at desc, id desc limit 1`,
    );
    const details = typeof event?.details === 'string' ? (JSON.parse(event.details) as object) : event?.details;
    expect(details).toMatchObject({ before: { name: 'Latchkey' }, after: { name: 'Fernway' } });
    await latchkey.run('settings.update', { name: 'branding.name', value: 'null' });
    expect(await latchkey.run('settings.read', { name: 'branding.name' })).toMatchObject({
      value: 'Latchkey',
      is_default: true,
    });
  });

  test.each<[string, string]>([
    ['that cannot be read has its default', '{"idleSeconds":"soon","absoluteSeconds":7200}'],
    ['of a newer version is left alone', '{"idleSeconds":3600,"absoluteSeconds":7200,"unheardOf":true}'],
    ['with a name of every object is none', '{"constructor":1,"toString":{},"__proto__":5,"absoluteSeconds":7200}'],
  ])('drop a member %s, and keep the rest of its section', async (_what, value) => {
    await store('session', value);
    expect(latchkey.app.settings.for(instance).session).toMatchObject({ idleSeconds: 3600, absoluteSeconds: 7200 });
    expect(latchkey.app.settings.for(instance).session).not.toHaveProperty('unheardOf');
  });

  test.each(['null', '[]', '5', '"soon"', '"{"'])('replace a section %s by its defaults', async (value) => {
    await store('session', value);
    expect(latchkey.app.settings.for(instance).session).toMatchObject({ idleSeconds: 3600, absoluteSeconds: 86_400 });
  });
});
