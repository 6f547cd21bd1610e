/**
 * `node test/bench/timing.ts`: whether the time of an answer tells if there is an account. Wrong passwords for accounts of
 * several kinds, interleaved, in one browser each; the medians, and for each kind against the ordinary account the probability
 * that chance alone gives such ranks (Mann-Whitney). Run it three times on a machine that does nothing else.
 *
 *   --each N   answers of each kind (500)
 */
import { parseArgs } from 'node:util';
import { startTestApp } from '../support/app.ts';
import { authorizeUrl, type Page, pkce, Visitor } from '../support/visitor.ts';

const { values } = parseArgs({ options: { each: { type: 'string', default: '500' } } });
const each = Number(values.each);
/** Beyond chance; and a difference that a stranger on a network could make out. */
const SIGNIFICANT = 0.001;
const NOTICEABLE_MS = 10;
const NOTICEABLE_SHARE = 0.05;

const unlimited = 1_000_000;
const latchkey = await startTestApp({
  settings: {
    'limits.passwordFreeFailures': unlimited,
    'limits.passwordMaximumFailures': unlimited,
    'limits.passwordFailuresPerAddress': unlimited,
    'risk.failuresPerAddress': unlimited,
    'risk.failuresPerAccount': unlimited,
    'risk.failuresPerMinute': unlimited,
  },
});

const ordinary = await latchkey.user();
const disabled = await latchkey.user();
await latchkey.run('users.disable', { user_id: disabled.id });
const withoutPassword = await latchkey.user({ password: undefined });
const imported = 'imported@example.com';
await latchkey.run('users.import', {
  lines: [{ line: 1, record: { email: imported, password_hash: '$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/' } }],
});
const kinds: Readonly<Record<string, string>> = {
  ordinary: ordinary.email,
  unknown: 'nobody@example.com',
  disabled: disabled.email,
  'without a password': withoutPassword.email,
  'with a fast hash of another system': imported,
};

const client = await latchkey.client();
const sides = new Map<string, { visitor: Visitor; page: Page; times: number[] }>();
for (const [kind, email] of Object.entries(kinds)) {
  const visitor = new Visitor();
  const first = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
  sides.set(kind, { visitor, page: await visitor.submit(first, { email }), times: [] });
}

const warmUp = 20;
for (let round = -warmUp; round < each; round += 1) {
  for (const side of [...sides.values()].toSorted(() => Math.random() - 0.5)) {
    const began = performance.now();
    side.page = await side.visitor.submit(side.page, { password: `wrong ${round}` });
    const took = performance.now() - began;
    if (!side.page.isRefused) throw new Error(`answered ${side.page.status}`);
    if (round >= 0) side.times.push(took);
  }
}
await latchkey.close();

const reference = sides.get('ordinary')!.times;
let isTold = false;
for (const [kind, { times }] of sides) {
  const difference = median(times) - median(reference);
  const chance = kind === 'ordinary' ? 1 : mannWhitney(times, reference);
  const isLarge = Math.abs(difference) > NOTICEABLE_MS || Math.abs(difference) > median(reference) * NOTICEABLE_SHARE;
  isTold ||= isLarge || chance < SIGNIFICANT;
  process.stdout.write(
    `${kind.padEnd(36)} median ${median(times).toFixed(2)} ms, ${difference >= 0 ? '+' : ''}${difference.toFixed(2)} ms, p ${chance.toPrecision(2)}\n`,
  );
}
process.stdout.write(isTold ? 'The kinds can be told apart in this run.\n' : 'Nothing tells the kinds apart.\n');

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

/** Two-sided, by the normal approximation: hundreds of times, and hardly two of them the same. */
function mannWhitney(a: readonly number[], b: readonly number[]): number {
  const ranked = [...a.map((time) => ({ time, isA: true })), ...b.map((time) => ({ time, isA: false }))].toSorted(
    (x, y) => x.time - y.time,
  );
  const rankSum = ranked.reduce((sum, { isA }, at) => sum + (isA ? at + 1 : 0), 0);
  const u = rankSum - (a.length * (a.length + 1)) / 2;
  const deviation = Math.sqrt((a.length * b.length * (a.length + b.length + 1)) / 12);
  return 2 * (1 - normal(Math.abs(u - (a.length * b.length) / 2) / deviation));
}

/** The normal distribution (Abramowitz and Stegun 26.2.17). */
function normal(x: number): number {
  const t = 1 / (1 + 0.231_641_9 * x);
  const series =
    t * (0.319_381_53 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
  return 1 - (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * series;
}
