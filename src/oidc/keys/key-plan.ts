import { familyNames, type KeyFamily } from './key-material.ts';
import type { KeyPolicy } from './key-policy.ts';
import { PUBLICATION_AFTER_USE } from './lifetimes.ts';
import type { KeyState, SigningKey } from './signing-key.ts';

/** due: what time demands · next: as soon as the next key may sign · emergency: every key is lost, replace them all. */
export type RotationRequest = 'due' | 'next' | 'emergency';

export type KnownKey = Pick<
  SigningKey,
  'kid' | 'family' | 'state' | 'createdAt' | 'usableAt' | 'activatedAt' | 'publishedUntil' | 'rotationRequested'
>;

/** The actions, in this order. */
export type KeyPlan = {
  retire: string[];
  replace: { kid: string; publishedUntil: Date }[];
  activate: { kid: string; family: KeyFamily }[];
  schedule: { kid: string; family: KeyFamily; at: Date }[];
  create: { family: KeyFamily; state: Extract<KeyState, 'current' | 'next'>; usableAt: Date }[];
};

/** Decides from the keys that are not retired. Touches nothing, so that it can be asked twice. */
export function planRotation(
  keys: readonly KnownKey[],
  request: RotationRequest,
  policy: KeyPolicy,
  now: Date,
): KeyPlan {
  const plan: KeyPlan = { retire: [], replace: [], activate: [], schedule: [], create: [] };
  for (const family of familyNames) {
    const own = keys.filter((key) => key.family === family);
    if (request === 'emergency') plan.retire.push(...own.map((key) => key.kid));
    else plan.retire.push(...own.filter((key) => hasExpired(key, now)).map((key) => key.kid));
    planFamily(plan, family, request === 'emergency' ? [] : own, { request, policy, now, isFirst: own.length === 0 });
  }
  return plan;
}

type Circumstances = { request: RotationRequest; policy: KeyPolicy; now: Date; isFirst: boolean };

function planFamily(
  plan: KeyPlan,
  family: KeyFamily,
  keys: readonly KnownKey[],
  { request, policy, now, isFirst }: Circumstances,
): void {
  const current = keys.find((key) => key.state === 'current');
  const next = keys.find((key) => key.state === 'next');
  const later = new Date(now.getTime() + policy.publishBeforeUse);
  if (!current) plan.create.push({ family, state: 'current', usableAt: now });
  // The first pair of a family is published together: a client that knows one knows the other, so no waiting time is needed.
  if (!next) plan.create.push({ family, state: 'next', usableAt: isFirst ? now : later });
  if (!current || !next || !(request === 'next' || isDue(current, policy, now))) return;

  const usableAt = earlier(next.usableAt, new Date(next.createdAt.getTime() + policy.publishBeforeUse));
  if (usableAt > now) {
    if (request === 'next') plan.schedule.push({ kid: current.kid, family, at: usableAt });
    return;
  }
  plan.replace.push({
    kid: current.kid,
    publishedUntil: new Date(now.getTime() + policy.longestTokenLife + PUBLICATION_AFTER_USE),
  });
  plan.activate.push({ kid: next.kid, family });
  plan.create.push({ family, state: 'next', usableAt: later });
}

function isDue(current: KnownKey, policy: KeyPolicy, now: Date): boolean {
  return (
    current.rotationRequested ||
    now.getTime() - (current.activatedAt ?? current.createdAt).getTime() >= policy.rotateEvery
  );
}

function hasExpired(key: KnownKey, now: Date): boolean {
  return key.state === 'previous' && key.publishedUntil instanceof Date && key.publishedUntil <= now;
}

function earlier(a: Date, b: Date): Date {
  return a < b ? a : b;
}
