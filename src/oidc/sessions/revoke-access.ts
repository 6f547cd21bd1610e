import type { AuditLog, By } from '#audit/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import type { AccessRevocation, Reach, UserId } from '#directory/users/module.ts';
import { type Ending, type EndingAct, endings, type Links } from './access-revocation.ts';
import type { SignedInBrowser, SignedInBrowsers } from './signed-in-browsers.ts';
import { sessionEnded } from '../events.ts';

export type RevocationParts = {
  audit: Pick<AuditLog, 'record'>;
  browsers: Pick<SignedInBrowsers, 'end' | 'endAll' | 'endOthers' | 'endGrants' | 'forget'>;
  /** Sign-ins in progress: `except` is the one that goes on. */
  signIns: { endOf(em: EntityManager, userId: UserId, except: string | null): Promise<void> };
  /** Those that nodes of the previous release keep while they run at the same time. */
  olderSignIns: RevocationParts['signIns'];
  links: { revokeOpen(em: EntityManager, userId: UserId, which: Links): Promise<void> };
  trustedBrowsers: { revokeAll(em: EntityManager, userId: UserId): Promise<unknown> };
  knownBrowsers: { forgetAll(em: EntityManager, userId: UserId): Promise<unknown> };
  passkeyChallenges: { discardAll(em: EntityManager, userId: UserId): Promise<unknown> };
};

/**
 * Carries out the table. The order of the locks is the same for every act: links and browsers first, then sessions, then
 * sign-ins in progress, then the audit log.
 */
export function createAccessRevocation(parts: RevocationParts): AccessRevocation<EndingAct> {
  const { audit, browsers, signIns, olderSignIns, links, trustedBrowsers, knownBrowsers, passkeyChallenges } = parts;

  async function revoke(
    em: EntityManager,
    act: EndingAct,
    userId: UserId,
    by: By,
    reach: Reach = {},
  ): Promise<{ sessions: number }> {
    const ending: Ending = endings[act];
    if (ending.links) await links.revokeOpen(em, userId, ending.links);
    if (ending.trustedBrowsers) await trustedBrowsers.revokeAll(em, userId);
    if (ending.knownBrowsers) await knownBrowsers.forgetAll(em, userId);
    if (ending.passkeyChallenges) await passkeyChallenges.discardAll(em, userId);
    const ended = await endSessions(em, ending, userId, reach);
    if (ending.signIns) {
      const except = ending.signIns === 'all' ? null : (reach.keep?.interaction ?? null);
      await signIns.endOf(em, userId, except);
      await olderSignIns.endOf(em, userId, except);
    }
    // After all rows: a sign-in that records a proof locks its row first, and the head of the audit chain last.
    for (const browser of ended) await record(em, userId, browser, by);
    if (ending.records) await browsers.forget(em, userId);
    return { sessions: ended.length };
  }

  async function endSessions(
    em: EntityManager,
    { sessions, grants }: Ending,
    userId: UserId,
    { keep, session, clientId }: Reach,
  ): Promise<readonly SignedInBrowser[]> {
    const current = keep?.session ?? null;
    if (sessions === 'all' || (sessions === 'all but the current one' && current === null))
      return browsers.endAll(em, userId);
    if (sessions === 'all but the current one' && current !== null) return browsers.endOthers(em, userId, current);
    if (sessions === 'the one named') {
      const ended = await browsers.end(em, userId, named(session));
      return ended === null ? [] : [ended];
    }
    if (grants === 'all of the client') await browsers.endGrants(em, userId, named(clientId));
    return [];
  }

  async function record(em: EntityManager, userId: UserId, { id, clientIds }: SignedInBrowser, by: By): Promise<void> {
    await audit.record(
      em,
      sessionEnded({
        ...by,
        subject: { type: 'user', id: userId },
        sessionId: id,
        details: { client_ids: clientIds },
      }),
    );
  }

  return { revoke };
}

function named(id: string | undefined): string {
  if (id === undefined) throw new Error('the act ends one session or the grants of one client, and names none');
  return id;
}
