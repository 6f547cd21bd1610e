import { describe, expect, test } from 'vitest';
import { DAY, HOUR } from '#kernel/clock.ts';
import { type KnownKey, planRotation } from '#oidc/keys/key-plan.ts';
import { testKeyPolicy as policy } from '../../support/keys.ts';
import { familyNames, type KeyFamily } from '#oidc/keys/key-material.ts';

const now = new Date('2030-01-01T00:00:00Z');
const ago = (milliseconds: number) => new Date(now.getTime() - milliseconds);

const key = (state: KnownKey['state'], family: KeyFamily, rest: Partial<KnownKey> = {}): KnownKey => ({
  kid: `${family}-${state}`,
  family,
  state,
  createdAt: ago(2 * DAY),
  usableAt: ago(DAY),
  activatedAt: state === 'next' ? null : ago(DAY),
  publishedUntil: null,
  rotationRequested: false,
  ...rest,
});

/** One current and one next key of each family, RSA changed as told. */
function keys({
  current,
  next,
  more = [],
}: { current?: Partial<KnownKey>; next?: Partial<KnownKey>; more?: KnownKey[] } = {}): KnownKey[] {
  const others = familyNames
    .filter((family) => family !== 'RSA')
    .flatMap((family) => [key('current', family), key('next', family)]);
  return [key('current', 'RSA', current), key('next', 'RSA', next), ...more, ...others];
}

const nothing = { retire: [], replace: [], activate: [], schedule: [], create: [] };

describe('the first start', () => {
  const plan = planRotation([], 'due', policy, now);

  test('creates a current and a next key of every family and nothing else', () => {
    expect(plan.create.map(({ family, state }) => `${family} ${state}`).sort()).toEqual(
      familyNames.flatMap((family) => [`${family} current`, `${family} next`]).sort(),
    );
    expect({ ...plan, create: [] }).toEqual(nothing);
  });

  test('publishes both together, so that the next key need not wait', () => {
    expect(plan.create.every(({ usableAt }) => usableAt <= now)).toBe(true);
  });
});

describe('the action due by time', () => {
  test.each([
    ['nothing, with young keys', keys(), nothing],
    ['nothing, one moment before 90 days are over', keys({ current: { activatedAt: ago(90 * DAY - 1) } }), nothing],
    [
      'a swap after 90 days',
      keys({ current: { activatedAt: ago(90 * DAY) } }),
      {
        ...nothing,
        replace: [{ kid: 'RSA-current', publishedUntil: new Date(now.getTime() + 11 * HOUR) }],
        activate: [{ kid: 'RSA-next', family: 'RSA' }],
        create: [{ family: 'RSA', state: 'next', usableAt: new Date(now.getTime() + DAY) }],
      },
    ],
    [
      'patience, as long as relying parties may not know the next key',
      keys({
        current: { activatedAt: ago(90 * DAY) },
        next: { createdAt: ago(DAY - 1), usableAt: new Date(now.getTime() + 1) },
      }),
      nothing,
    ],
    [
      'a swap that was asked for while the next key was too young',
      keys({ current: { rotationRequested: true } }),
      {
        ...nothing,
        replace: [{ kid: 'RSA-current', publishedUntil: new Date(now.getTime() + 11 * HOUR) }],
        activate: [{ kid: 'RSA-next', family: 'RSA' }],
        create: [{ family: 'RSA', state: 'next', usableAt: new Date(now.getTime() + DAY) }],
      },
    ],
    [
      'nothing for an old key whose last token may still live',
      keys({ more: [key('previous', 'RSA', { publishedUntil: new Date(now.getTime() + 1) })] }),
      nothing,
    ],
    [
      'the end of an old key whose last token has expired',
      keys({ more: [key('previous', 'RSA', { publishedUntil: now })] }),
      { ...nothing, retire: ['RSA-previous'] },
    ],
    [
      'a new next key where one is missing, unused until everybody can know it',
      keys().filter(({ kid }) => kid !== 'EC-next'),
      { ...nothing, create: [{ family: 'EC', state: 'next', usableAt: new Date(now.getTime() + DAY) }] },
    ],
  ])('is %s', (_title, known, expected) => {
    expect(planRotation(known, 'due', policy, now)).toEqual(expected);
  });
});

describe('a requested rotation', () => {
  test('swaps every family at once if the next keys were published long enough', () => {
    const plan = planRotation(keys(), 'next', policy, now);
    expect(plan.activate.map(({ kid }) => kid).sort()).toEqual(['EC-next', 'OKP-next', 'RSA-next']);
    expect(plan.replace.map(({ kid }) => kid).sort()).toEqual(['EC-current', 'OKP-current', 'RSA-current']);
    expect(plan.retire).toEqual([]);
  });

  test('is scheduled for a family whose next key is too young, and says for when', () => {
    const usableAt = new Date(now.getTime() + HOUR);
    const plan = planRotation(keys({ next: { createdAt: ago(23 * HOUR), usableAt } }), 'next', policy, now);
    expect(plan.schedule).toEqual([{ kid: 'RSA-current', family: 'RSA', at: usableAt }]);
    expect(plan.activate.map(({ kid }) => kid).sort()).toEqual(['EC-next', 'OKP-next']);
  });

  test('obeys a shorter wait that was set after the next key was made', () => {
    const known = keys({ next: { createdAt: ago(HOUR), usableAt: new Date(now.getTime() + 23 * HOUR) } });
    expect(planRotation(known, 'next', { ...policy, publishBeforeUse: HOUR }, now).activate).toContainEqual({
      kid: 'RSA-next',
      family: 'RSA',
    });
  });
});

describe('an emergency', () => {
  const known = keys({ more: [key('previous', 'RSA', { publishedUntil: new Date(now.getTime() + DAY) })] });
  const plan = planRotation(known, 'emergency', policy, now);

  test('retires every key, including the next ones, because an attacker who read one may have read all', () => {
    expect(plan.retire.sort()).toEqual(known.map(({ kid }) => kid).sort());
    expect(plan.activate).toEqual([]);
  });

  test('signs with new keys at once and lets their successors wait as usual', () => {
    for (const family of familyNames) {
      expect(plan.create).toContainEqual({ family, state: 'current', usableAt: now });
      expect(plan.create).toContainEqual({ family, state: 'next', usableAt: new Date(now.getTime() + DAY) });
    }
  });
});
