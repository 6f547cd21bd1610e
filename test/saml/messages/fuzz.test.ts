import { expect, test } from 'vitest';
import { carryOut } from '#saml/messages/job.ts';
import type { ResponseMessage } from '#saml/messages/module.ts';
import { open } from '#saml/messages/received.ts';
import { samlKey } from '../../support/saml-keys.ts';
import { posted, response } from '../../support/saml-messages.ts';
import { mutated, randomOf } from '../../support/saml-mutations.ts';

const now = new Date('2026-03-01T10:00:00Z');
const key = await samlKey();

/** `npm run bench:saml` reads 100,000. */
const DOCUMENTS = 2000;
const SEED = 20_260_301;

function read(xml: string): { kind: string; reason?: string; value?: unknown } {
  try {
    return carryOut({
      name: 'response',
      opened: open(posted(xml), 'SAMLResponse'),
      demands: { certificates: [key.certificate] },
    });
  } catch (error) {
    return { kind: 'refused', reason: (error as { reason?: string }).reason ?? String(error) };
  }
}

test(`of ${DOCUMENTS} documents that were changed at random, none says anything else than the signer said`, async () => {
  const sources = [await response(now, { key }), await response(now, { key, signsResponse: true })];
  const said = sources.map((xml) => (read(xml).value as ResponseMessage).assertion);
  const random = randomOf(SEED);
  const reasons = new Map<string, number>();
  for (let left = DOCUMENTS; left > 0; left -= 1) {
    const source = random(sources.length);
    const xml = mutated(sources[source] ?? '', random);
    const answer = read(xml);
    const reason = answer.reason ?? answer.kind;
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    // A change of what nobody signed may be accepted; the assertion is the same then.
    if (answer.kind === 'verified') expect((answer.value as ResponseMessage).assertion, xml).toEqual(said[source]);
  }
  // The changes reach every stage of reading, and none of the libraries stumbles.
  for (const reason of ['not_well_formed', 'comment', 'signature_wrong', 'duplicate_id', 'assertion_count', 'verified'])
    expect(reasons.get(reason), reason).toBeGreaterThan(0);
  expect(reasons.get('failed')).toBeUndefined();
});
