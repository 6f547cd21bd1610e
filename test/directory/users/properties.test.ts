import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';

let latchkey: TestApp;
let ada: TestUser;

beforeAll(async () => {
  const properties = [
    { name: 'team', type: 'text', label: 'Team', maxLength: 8 },
    { name: 'score', type: 'number', label: 'Score', visibility: 'operator', editable: 'operator' },
    { name: 'news', type: 'boolean', label: 'News' },
    { name: 'start', type: 'date', label: 'Start' },
  ];
  latchkey = await startTestApp({ settings: { 'profile.properties': properties } });
  ada = await latchkey.user();
});
afterAll(() => latchkey.close());

type Answer = { properties: Record<string, unknown> };
const change = async (set?: unknown, id = ada.id) =>
  (await latchkey.run<Answer>('users.properties.update', { user_id: id, ...(set === undefined ? {} : { set }) }))
    .properties;

describe('properties of a user on the command line', () => {
  test('are added, changed, removed and shown', async () => {
    expect(await change()).toEqual({});
    expect(await change({ team: ' Looms ', score: 3.5, news: false, start: '2026-12-01' })).toEqual({
      team: 'Looms',
      score: 3.5,
      news: false,
      start: '2026-12-01',
    });
    expect(await change({ score: 4, start: null, news: null })).toEqual({ team: 'Looms', score: 4 });
    expect(await change()).toEqual({ team: 'Looms', score: 4 });
    const events = await latchkey.app.database.sql(
      `select 1 from audit_record where type = 'user.properties_changed' and subject_id = $1`,
      [ada.id],
    );
    expect(events).toHaveLength(2);
  });

  test.each([
    ['a name that the schema does not have', { shoe: 1 }, 'users.properties_invalid'],
    ['a name of every object', { constructor: 'x' }, 'users.properties_invalid'],
    ['text where a number is', { score: '3' }, 'users.properties_invalid'],
    ['a number where text is', { team: 3 }, 'users.properties_invalid'],
    ['too long a text', { team: 'x'.repeat(9) }, 'users.properties_invalid'],
    ['a day that is none', { start: '2026-02-30' }, 'users.properties_invalid'],
    ['a list', ['team'], 'input.invalid'],
  ])('are not %s', async (_what, set, code) => {
    await expect(change(set)).rejects.toThrow(code);
  });

  test('belong to an existing user', async () => {
    await expect(change({}, 'usr_01h455vb4pex5vsknk084sn02q')).rejects.toThrow('users.not_found');
    await expect(change({}, 'nobody')).rejects.toThrow('input.invalid');
  });
});
