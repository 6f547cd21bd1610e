import type { Clock } from '#kernel/clock.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { Jobs } from '#kernel/jobs.ts';
import type { AccessRevocation } from '#directory/users/module.ts';
import { Handles } from '../artifacts/handles.ts';
import { OpenSignIns } from '../artifacts/open-sign-ins.ts';
import { RecentFinds } from '../artifacts/recent-finds.ts';
import type { EndingAct } from './access-revocation.ts';
import { type LogoutNotices, logoutNotices } from './backchannel-logout.ts';
import { createAccessRevocation, type RevocationParts } from './revoke-access.ts';
import { SignedInBrowsers } from './signed-in-browsers.ts';

/** Sessions of users as they are stored, around which the provider is built. */
export type HeldSessions = {
  browsers: SignedInBrowsers;
  signIns: OpenSignIns;
  handles: Handles;
  recent: RecentFinds;
  notices: LogoutNotices;
};

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql'>;
  keyRing: Pick<KeyRing, 'deriveKey'>;
  jobs: Pick<Jobs, 'send'>;
} & Omit<RevocationParts, 'browsers' | 'signIns'>;

/**
 * Stored sessions, and their revocation. They need no user service and no engine, so they are created before users and
 * credentials, which end sessions themselves.
 */
export function createHeldSessions({
  clock,
  database,
  keyRing,
  jobs,
  audit,
  olderSignIns,
  links,
  trustedBrowsers,
  knownBrowsers,
  passkeyChallenges,
}: Dependencies): { held: HeldSessions; accessRevocation: AccessRevocation<EndingAct> } {
  const handles = new Handles(keyRing.deriveKey('artifact-handle'));
  const recent = new RecentFinds();
  const notices = logoutNotices(jobs);
  const browsers = new SignedInBrowsers({ clock, database, handles, notices, recent });
  const signIns = new OpenSignIns(clock, database);
  return {
    held: { browsers, signIns, handles, recent, notices },
    accessRevocation: createAccessRevocation({
      audit,
      browsers,
      signIns,
      olderSignIns,
      links,
      trustedBrowsers,
      knownBrowsers,
      passkeyChallenges,
    }),
  };
}
