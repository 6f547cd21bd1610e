import {
  type CodeFactor,
  type Factor,
  methods,
  secondFactors,
  type SecondPage,
  type SentFactor,
} from '#credentials/module.ts';
import { levelOfProofs, type Requirements } from '#sign-in/interaction/module.ts';

/** Second-factor methods, each with its own page below /interaction/:uid/second-factor/. */
export type Way = SecondPage;
/** Those that are typed. */
export type CodeWay = CodeFactor;
/** Those that have to be sent before. */
export type SentWay = SentFactor;

type Turn = {
  factors: readonly Factor[];
  proved: readonly Factor[];
  needed: Requirements['required'] | null;
  /** The level that the relying party requests. */
  asked: { level: Requirements['required'] } | null;
};

const wayOf = (factor: Factor): Way | null => methods[factor].second?.page ?? null;

/** Where the operator says nothing. */
const strongestFirst: readonly Way[] = [...new Set(secondFactors.flatMap((factor) => wayOf(factor) ?? []))];

/**
 * The methods that are open to a user now, the first offer at the front: none that would leave the sign-in weaker than
 * required, and methods that reach the requested level before others.
 */
export function waysOf({ factors, proved, needed, asked }: Turn, order: readonly Way[]): readonly Way[] {
  const levelWith = (factor: Factor) => levelOfProofs([...proved, factor].map((each) => ({ factor: each })));
  const open = factors.filter((factor) => levelWith(factor) >= Math.max(needed ?? 2, 2));
  const ways = [...new Set(open.flatMap((factor) => wayOf(factor) ?? []))];
  const wished = asked?.level ?? 1;
  const reaches = (way: Way) => open.some((factor) => wayOf(factor) === way && levelWith(factor) >= wished);
  const place = (way: Way) => {
    const chosen = order.indexOf(way);
    return chosen < 0 ? order.length + strongestFirst.indexOf(way) : chosen;
  };
  return ways.toSorted((a, b) => Number(reaches(b)) - Number(reaches(a)) || place(a) - place(b));
}

/** The note after its name. */
export const iconOf = (way: Way): string => methods[way].icon;
