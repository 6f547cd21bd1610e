/**
 * `npm run bench:saml`: responses verified and issued, each in turns with the bare library in the same process, by the time of the
 * processor; and documents that were changed at random. Ratios come first.
 *
 *   --rounds N      turns of each side (5)
 *   --each N        messages in one turn (300)
 *   --documents N   documents that were changed at random (100000)
 *   --seed N        which ones
 */
import { parseArgs } from 'node:util';
import { SAML } from '@node-saml/node-saml';
import { checkResponse, createMessages, issueResponse } from '#saml/messages/module.ts';
import { signedBy } from '../support/saml-forger.ts';
import { samlKey } from '../support/saml-keys.ts';
import { acs, expectedResponse, idp, posted, response, responseContent, sp } from '../support/saml-messages.ts';
import { mutated, randomOf } from '../support/saml-mutations.ts';
import { median } from './table.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    each: { type: 'string', default: '300' },
    documents: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
  },
});
const [rounds, each, documents, seed] = [values.rounds, values.each, values.documents, values.seed].map(Number) as [
  number,
  number,
  number,
  number,
];
/** Longer, and other requests of the process wait too long. */
const LONGEST_BLOCK_MS = 50;
/** Messages under way at once, as in a busy process. */
const AT_ONCE = 8;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const now = new Date();
const key = await samlKey();
const reader = createMessages();
const bare = new SAML({
  idpCert: key.certificate,
  issuer: sp,
  callbackUrl: acs,
  audience: sp,
  idpIssuer: idp,
  wantAssertionsSigned: true,
  wantAuthnResponseSigned: false,
});
const message = posted(await response(now, { key }));
const unsigned = await response(now, { key, signsAssertion: false });

const sides = {
  verify: {
    ours: async () => {
      const read = await reader.readResponse(message, { certificates: [key.certificate] });
      if (read.kind !== 'verified' || checkResponse(read.value, expectedResponse(now)).kind !== 'accepted')
        throw new Error('The response was refused.');
    },
    theirs: async () => {
      const { profile } = await bare.validatePostResponseAsync({ SAMLResponse: message.value });
      if (!profile) throw new Error('The response was refused.');
    },
  },
  issue: {
    ours: () => issueResponse(responseContent(now), { key, signsAssertion: true, signsResponse: false }),
    theirs: async () => signedBy(key, unsigned, { element: 'Assertion', certificate: key.certificate }),
  },
};

/** Seconds of the processor for each message, all threads counted. */
async function turn(work: () => Promise<unknown>, count = each): Promise<number> {
  const before = process.cpuUsage();
  let left = count;
  const next = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / count;
}

for (const [name, { ours, theirs }] of Object.entries(sides)) {
  await turn(ours);
  await turn(theirs);
  const taken: { ours: number; theirs: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const first = await turn(round % 2 === 0 ? ours : theirs);
    const second = await turn(round % 2 === 0 ? theirs : ours);
    taken.push(round % 2 === 0 ? { ours: first, theirs: second } : { ours: second, theirs: first });
  }
  const perSecond = (side: 'ours' | 'theirs') => Math.round(1 / median(taken.map((each) => each[side])));
  const ratio = median(taken.map((each) => each.theirs / each.ours));
  const library = name === 'verify' ? 'node-saml' : 'xml-crypto';
  say(
    `${name} a response: ${ratio.toFixed(2)} of ${library} (${perSecond('ours')} and ${perSecond('theirs')} a second and core)`,
  );
}

const random = randomOf(seed);
const sources = [await response(now, { key }), await response(now, { key, signsResponse: true })];
const said = new Set<string>();
const reasons = new Map<string, number>();
let wrong = 0;
let longest = 0;

/** Reads a document, and measures what it takes of the thread that answers requests: the load of the machine does not count. */
async function readMeasured(xml: string): Promise<void> {
  const received = posted(xml);
  const before = process.threadCpuUsage();
  const reading = reader.readResponse(received, { certificates: [key.certificate] });
  const { user, system } = process.threadCpuUsage(before);
  longest = Math.max(longest, (user + system) / 1000);
  const read = await reading;
  const reason = read.kind === 'refused' ? read.reason : read.kind;
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  if (read.kind !== 'verified') return;
  const { nameId, attributes, conditions } = read.value.assertion;
  said.add(JSON.stringify([nameId, attributes, conditions]));
  if (said.size === 1) return;
  wrong += 1;
  say(`accepted: ${xml}`);
}

async function readAll(next: () => string | null): Promise<void> {
  const some = async (): Promise<void> => {
    for (let xml = next(); xml !== null; xml = next()) await readMeasured(xml);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
}

function report(what: string): void {
  say(`${what}: ${wrong} accepted with other values; the event loop was blocked for ${longest.toFixed(1)} ms at most`);
  say(
    [...reasons]
      .toSorted(([, a], [, b]) => b - a)
      .map(([reason, count]) => `${reason} ${count}`)
      .join(', '),
  );
}

for (const xml of sources) await readMeasured(xml);
let left = documents;
await readAll(() => {
  left -= 1;
  return left < 0 ? null : mutated(sources[random(sources.length)] ?? '', random);
});
report(`${documents} changed documents`);

const inside = (markup: string): string =>
  (sources[1] ?? '').replace('</samlp:Response>', `${markup}</samlp:Response>`);
const attributes = (count: number): string => Array.from({ length: count }, (_, at) => `a${at}=""`).join(' ');
const hostile = [
  inside('<x/>'.repeat(20_000)),
  inside('<x/>'.repeat(900)),
  '<x>'.repeat(80_000),
  inside(`<x ${attributes(20_000)}/>`),
  inside(`<x ${attributes(60)}/>`.repeat(60)),
  inside(`<x>${'&lt;'.repeat(50_000)}</x>`),
  inside(`<x a="${' '.repeat(200_000)}`),
  `<!DOCTYPE x [${'<!ENTITY a "a">'.repeat(10_000)}]>${sources[0]}`,
  `${' '.repeat(200_000)}${sources[0]}`,
];
const queue = hostile.flatMap((xml) => Array.from({ length: AT_ONCE }, () => xml));
await readAll(() => queue.pop() ?? null);
report(`${hostile.length} kinds of documents that take long`);

await reader.close();
const isBad = wrong > 0 || longest > LONGEST_BLOCK_MS || reasons.has('failed');
process.exitCode = isBad ? 1 : 0;
