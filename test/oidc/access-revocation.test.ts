/** How the table of what acts end is carried out: in which order, and what happens to what an act does not name. */
import { describe, expect, test } from 'vitest';
import { operator } from '#audit/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import { newId } from '#kernel/ids.ts';
import { endings, type EndingAct } from '../../src/oidc/sessions/access-revocation.ts';
import { createAccessRevocation } from '../../src/oidc/sessions/revoke-access.ts';
import { recordingAudit } from '../support/audit.ts';

const userId = newId('usr');
const em = {} as EntityManager;
const browser = { id: 'one', signedInAt: 0, expiresAt: 0, lastSeen: null, clientIds: ['shop'] };

function recording(found: readonly (typeof browser)[] = [browser]) {
  const calls: unknown[][] = [];
  const note =
    <R>(verb: string, answer: R) =>
    async (_em: EntityManager, _userId: unknown, ...values: unknown[]): Promise<R> => {
      calls.push([verb, ...values]);
      return answer;
    };
  const audit = recordingAudit();
  const { revoke } = createAccessRevocation({
    audit,
    browsers: {
      end: note('end', found[0] ?? null),
      endAll: note('endAll', [...found]),
      endOthers: note('endOthers', [...found]),
      endGrants: note('endGrants', undefined),
      forget: note('forget', undefined),
    },
    signIns: { endOf: note('endOf', undefined) },
    olderSignIns: { endOf: note('endOf of older', undefined) },
    links: { revokeOpen: note('revokeOpen', undefined) },
    trustedBrowsers: { revokeAll: note('revokeAll', undefined) },
    knownBrowsers: { forgetAll: note('forgetAll', undefined) },
    passkeyChallenges: { discardAll: note('discardAll', undefined) },
  });
  return { calls, audit, revoke };
}

describe('an act', () => {
  test('ends the items of its row: links and browsers first, then sessions, then sign-ins, the records last', async () => {
    const { calls, revoke } = recording();
    await revoke(em, 'account erased', userId, operator);
    const order = [
      ['revokeOpen', 'all'],
      ['revokeAll'],
      ['forgetAll'],
      ['discardAll'],
      ['endAll'],
      ['endOf', null],
      ['endOf of older', null],
      ['forget'],
    ];
    expect(calls).toEqual(order);
  });

  test('spares the current session and sign-in, if its row does', async () => {
    const { calls, revoke } = recording();
    const keep = { session: 'here', interaction: 'this' };
    await revoke(em, 'password set in a sign-in', userId, operator, { keep });
    expect(calls).toEqual([
      ['revokeOpen', 'proofs'],
      ['revokeAll'],
      ['discardAll'],
      ['endOthers', 'here'],
      ['endOf', 'this'],
      ['endOf of older', 'this'],
    ]);
  });

  const sparing = (Object.keys(endings) as EndingAct[]).filter((act) => !JSON.stringify(endings[act]).includes('but'));
  test.each(sparing)('spares only the items that its row spares: %s', async (act) => {
    const [named, bare] = [recording(), recording()];
    const reach = { session: 'one', clientId: 'shop' };
    await named.revoke(em, act, userId, operator, { ...reach, keep: { session: 'here', interaction: 'this' } });
    await bare.revoke(em, act, userId, operator, reach);
    expect(named.calls).toEqual(bare.calls);
  });

  test('ends everything without a current session', async () => {
    for (const keep of [undefined, {}, { session: null, interaction: null }]) {
      const { calls, revoke } = recording();
      await revoke(em, 'password set in a sign-in', userId, operator, keep ? { keep } : {});
      expect(calls.slice(3)).toEqual([['endAll'], ['endOf', null], ['endOf of older', null]]);
    }
  });

  test('that ends one session or the grants of one client must name it, else it is a fault', async () => {
    const { calls, revoke } = recording();
    await expect(revoke(em, 'session ended', userId, operator)).rejects.toThrow('names none');
    await expect(revoke(em, 'consent withdrawn', userId, operator)).rejects.toThrow('names none');
    expect(calls).toEqual([]);
    await revoke(em, 'session ended', userId, operator, { session: 'one' });
    await revoke(em, 'consent withdrawn', userId, operator, { clientId: 'shop' });
    expect(calls).toEqual([
      ['end', 'one'],
      ['endGrants', 'shop'],
    ]);
  });

  test('returns the number of ended sessions, and records each', async () => {
    const { audit, revoke } = recording([browser, { ...browser, id: 'two' }]);
    expect(await revoke(em, 'signed out everywhere', userId, operator)).toEqual({ sessions: 2 });
    expect(audit.events).toMatchObject([
      { type: 'session.ended', actor: { type: 'operator' }, sessionId: 'one', details: { client_ids: ['shop'] } },
      { type: 'session.ended', actor: { type: 'operator' }, sessionId: 'two' },
    ]);
    const none = recording([]);
    expect(await none.revoke(em, 'session ended', userId, operator, { session: 'x' })).toEqual({ sessions: 0 });
    expect(none.audit.events).toEqual([]);
  });
});
