import { describe, expect, test } from 'vitest';
import { HOUR } from '#kernel/clock.ts';
import { sections } from '#settings/module.ts';
import { assess, type Facts, kilometres, type Seen } from '../../../src/sign-in/risk/assessment.ts';

const policy = sections.risk.parse({});
const now = new Date('2026-11-22T12:00:00Z');
const lisbon = { latitude: 38.72, longitude: -9.14 };
const tokyo = { latitude: 35.68, longitude: 139.69 };
const porto = { latitude: 41.15, longitude: -8.61 };

const seen = (more: Partial<Seen> = {}): Seen => ({
  at: now,
  network: '203.0.113.0/24',
  country: 'PT',
  coordinates: lisbon,
  ...more,
});
const before = (hours: number, more: Partial<Seen> = {}): Seen =>
  seen({ at: new Date(now.getTime() - hours * HOUR), ...more });
const facts = (more: Partial<Facts> = {}): Facts => ({
  now: seen(),
  isKnownDevice: true,
  hasManyFailures: false,
  earlier: [before(10)],
  ...more,
});

describe('signals', () => {
  test.each<[string, Partial<Facts>, string[]]>([
    ['as always', {}, []],
    ['a first sign-in', { earlier: [], isKnownDevice: false }, []],
    ['another browser', { isKnownDevice: false }, ['new_device']],
    ['another network of the same country', { now: seen({ network: '198.51.100.0/24' }) }, ['new_network']],
    ['a network of long ago', { earlier: [before(1, { network: 'x' }), before(9)] }, []],
    ['another country, slowly', { now: seen({ country: 'ES', network: 'x' }) }, ['new_network', 'new_country']],
    ['a country where none was known', { earlier: [before(1, { country: null })] }, []],
    ['a country that is not known', { now: seen({ country: null, coordinates: null }) }, []],
    ['failures', { hasManyFailures: true }, ['many_failures']],
    ['failures before the first sign-in', { hasManyFailures: true, earlier: [] }, ['many_failures']],
    ['Tokyo an hour after Lisbon', { now: seen({ coordinates: tokyo }), earlier: [before(1)] }, ['impossible_journey']],
    ['Tokyo a day after Lisbon', { now: seen({ coordinates: tokyo }), earlier: [before(24)] }, []],
    ['Porto a minute after Lisbon', { now: seen({ coordinates: porto }), earlier: [before(1 / 60)] }, []],
    [
      'a clock that ran backwards',
      { now: seen({ coordinates: tokyo }), earlier: [before(-1)] },
      ['impossible_journey'],
    ],
    [
      'Tokyo after a sign-in of nowhere after Lisbon',
      { now: seen({ coordinates: tokyo }), earlier: [before(1, { coordinates: null }), before(2)] },
      ['impossible_journey'],
    ],
  ])('%s', (_title, more, signals) => {
    expect(assess(facts(more), policy).signals).toEqual(signals);
  });
});

describe('rules', () => {
  test.each<[string, Partial<Facts>, string[]]>([
    ['nothing for nothing', {}, []],
    ['the owner is told of a new browser', { isKnownDevice: false }, ['notify']],
    [
      'more is asked after an impossible journey',
      { now: seen({ coordinates: tokyo }), earlier: [before(1)] },
      ['second_factor', 'notify'],
    ],
    [
      'more is asked of a new browser after many failures',
      { isKnownDevice: false, hasManyFailures: true },
      ['second_factor', 'notify'],
    ],
    ['nothing is asked of the own browser after many failures', { hasManyFailures: true }, []],
  ])('by default: %s', (_title, more, actions) => {
    expect(assess(facts(more), policy).actions).toEqual(actions);
  });

  test('are data: all signals of a rule must be present', () => {
    const strict = sections.risk.parse({
      rules: [{ signals: ['new_network', 'new_country'], actions: ['second_factor'] }],
    });
    expect(assess(facts({ now: seen({ network: 'x' }) }), strict).actions).toEqual([]);
    expect(assess(facts({ now: seen({ network: 'x', country: 'ES' }) }), strict).actions).toEqual(['second_factor']);
  });

  test.each([
    [{ rules: [{ signals: [], actions: ['notify'] }] }],
    [{ rules: [{ signals: ['rain'], actions: ['notify'] }] }],
  ])('that are invalid are refused: %j', (section) => {
    expect(sections.risk.safeParse(section).success).toBe(false);
  });
});

test('Lisbon and Tokyo are eleven thousand kilometres apart', () => {
  expect(Math.round(kilometres(lisbon, tokyo) / 100)).toBe(111);
});
