import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { fromUuid, newId, parseId, toUuid } from '#kernel/ids.ts';

test('an id is a uuid of version 7 with its prefix, and back', () => {
  const id = newId('usr');
  expect(id).toMatch(/^usr_[0-9a-z]{26}$/);
  expect(toUuid(id)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(fromUuid('usr', toUuid(id))).toBe(id);
});

test('later ids sort later', async () => {
  const first = newId('usr');
  // They are of one order from one millisecond to the next.
  const made = Date.now();
  await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(made), { interval: 1 });
  expect([newId('usr'), first].sort()[0]).toBe(first);
});

test.each([
  ['another prefix', 'org_01h455vb4pex5vsknk084sn02q'],
  ['no prefix', '01h455vb4pex5vsknk084sn02q'],
  ['nothing', ''],
  ['too short', 'usr_01h4'],
  ['too large', 'usr_81h455vb4pex5vsknk084sn02q'],
  ['capitals', 'usr_01H455VB4PEX5VSKNK084SN02Q'],
  ['SQL', "usr_' or 1=1 --"],
])('%s is not a user id', (_what, text) => {
  expect(parseId('usr', text)).toBeNull();
});

test('the reader throws for no input', () => {
  fc.assert(fc.property(fc.string(), (text) => parseId('usr', text) === null || /^usr_[0-9a-z]{26}$/.test(text)));
});
