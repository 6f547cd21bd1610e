import { HOUR } from '#kernel/clock.ts';
import type { Policy } from '#settings/module.ts';
import { SAME_PLACE_KM } from './limits.ts';

type Signal = Policy<'risk'>['rules'][number]['signals'][number];
type Action = Policy<'risk'>['rules'][number]['actions'][number];

/** The signals of a sign-in, and the actions of the rules. Stored in its event. */
export type Assessment = { signals: readonly Signal[]; actions: readonly Action[] };

/** Somewhere on earth, in degrees. */
export type Coordinates = { latitude: number; longitude: number };

/** A sign-in, or an earlier one, as it is compared. */
export type Seen = {
  at: Date;
  network: string;
  country: string | null;
  coordinates: Coordinates | null;
};

export type Facts = {
  now: Seen;
  isKnownDevice: boolean;
  hasManyFailures: boolean;
  /** Newest first. */
  earlier: readonly Seen[];
};

const EARTH_RADIUS_KM = 6371;

/** Pure. A first sign-in is like nothing before it, which says nothing against it. */
export function assess(facts: Facts, { rules, journeyKmPerHour }: Policy<'risk'>): Assessment {
  const signals = signalsOf(facts, journeyKmPerHour);
  const actions = new Set(
    rules.filter((rule) => rule.signals.every((signal) => signals.includes(signal))).flatMap((rule) => rule.actions),
  );
  return { signals, actions: [...actions] };
}

function signalsOf({ now, earlier, isKnownDevice, hasManyFailures }: Facts, journeyKmPerHour: number): Signal[] {
  const signals: Signal[] = hasManyFailures ? ['many_failures'] : [];
  const [last] = earlier;
  if (!last) return signals;
  if (!isKnownDevice) signals.push('new_device');
  if (!earlier.some(({ network }) => network === now.network)) signals.push('new_network');
  if (
    now.country !== null &&
    earlier.some(({ country }) => country !== null) &&
    !earlier.some(({ country }) => country === now.country)
  )
    signals.push('new_country');
  const from = earlier.find(({ coordinates }) => coordinates !== null);
  if (from && isImpossible(from, now, journeyKmPerHour)) signals.push('impossible_journey');
  return signals;
}

function isImpossible(from: Seen, to: Seen, kmPerHour: number): boolean {
  if (from.coordinates === null || to.coordinates === null) return false;
  const distance = kilometres(from.coordinates, to.coordinates) - SAME_PLACE_KM;
  const hours = Math.max(0, to.at.getTime() - from.at.getTime()) / HOUR;
  return distance > 0 && distance > hours * kmPerHour;
}

/** Along the surface (haversine). */
export function kilometres(a: Coordinates, b: Coordinates): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const half = (x: number) => Math.sin(x / 2) ** 2;
  const h =
    half(radians(b.latitude - a.latitude)) +
    Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * half(radians(b.longitude - a.longitude));
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h)));
}
