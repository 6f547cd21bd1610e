import type { Finding } from '#doctor/finding.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Policies } from '#settings/module.ts';
import { keyPolicy } from './key-policy.ts';
import { type KeyFamily, familyNames } from './key-material.ts';
import { LATE_AFTER } from './lifetimes.ts';
import type { KeyService } from './key-service.ts';
import type { SigningKey } from './signing-key.ts';

/** The state of rotation, for the doctor: one line, or one for each family of keys that is not well. */
export async function keyFindings({
  keys,
  policies,
  clock,
}: {
  keys: Pick<KeyService, 'list'>;
  policies: Policies<'oidc' | 'session'>;
  clock: Clock;
}): Promise<Finding[]> {
  const { rotateEvery } = keyPolicy(policies);
  const now = clock.now().getTime();
  const all = await keys.list();
  const current = (family: KeyFamily) => all.find((key) => key.family === family && key.state === 'current');
  const bad = familyNames.flatMap((family) => problemOf(family, current(family), rotateEvery, now) ?? []);
  if (bad.length > 0) return bad;
  const due = Math.min(...familyNames.map((family) => sinceOf(current(family)!) + rotateEvery));
  const message = `${familyNames.length} kinds of keys sign; the next rotation is on ${new Date(due).toISOString().slice(0, 10)}.`;
  return [{ name: 'signing keys', status: 'ok', message }];
}

const sinceOf = ({ activatedAt, createdAt }: Pick<SigningKey, 'activatedAt' | 'createdAt'>): number =>
  (activatedAt ?? createdAt).getTime();

function problemOf(family: KeyFamily, key: SigningKey | undefined, rotateEvery: number, now: number): Finding | null {
  const name = 'signing keys';
  if (!key)
    return { name, status: 'failed', message: `No ${family} key signs.`, next: 'Start the server, which makes one.' };
  if (now - sinceOf(key) <= rotateEvery + LATE_AFTER) return null;
  const since = new Date(sinceOf(key)).toISOString().slice(0, 10);
  return {
    name,
    status: 'warning',
    message: `The ${family} key signs since ${since}, longer than oidc.keyRotationDays.`,
    next: 'Look at failed jobs (job list --state failed), or run keys rotate.',
  };
}
