import { beforeEach, expect, test } from 'vitest';
import { eventType } from '#audit/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import { newId } from '#kernel/ids.ts';
import { letter, type Letters } from '#kernel/mail/letters.ts';
import { sampleCircumstances, tellOwner } from '#directory/users/module.ts';

const thingLetter = letter<{ device: string | null; ip: string | null }>('test/thing', { samples: {} });
const em = {} as EntityManager;
let sent: unknown[];
const letters: Pick<Letters, 'send'> = {
  async send(_letter, sending) {
    sent.push(sending);
    return true;
  },
};

const typeWith = (letterOfType: string | undefined) =>
  eventType({
    name: 'thing.done',
    text: 'A thing was done.',
    audience: ['operator', 'person'],
    gravity: 'notice',
    webhook: true,
    ...(letterOfType === undefined ? {} : { letter: letterOfType }),
  });
const notice = {
  letter: thingLetter,
  kind: 'thing',
  owner: { id: newId('usr'), email: 'noor@fernway.example', profile: { locale: 'nl', zoneinfo: 'Europe/Paris' } },
  visitor: {
    ip: '192.0.2.7',
    requestId: 'r1',
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  },
  language: 'de' as const,
  context: ({ device, ip }: { device: string | null; ip: string | null }) => ({ device, ip }),
};

const described: object[] = [];
async function describeAct(_em: EntityManager, act: object) {
  described.push(act);
  return sampleCircumstances;
}

beforeEach(() => {
  sent = [];
  described.length = 0;
});

test('an owner is notified by the mail in the catalogue, in the language of the account', async () => {
  await tellOwner({ letters, describeAct }, em, typeWith('test/thing'), notice);
  expect(sent).toEqual([
    {
      kind: 'thing',
      to: { address: 'noor@fernway.example' },
      language: 'nl',
      timeZone: 'Europe/Paris',
      context: { device: 'Firefox, Linux', ip: '192.0.2.7' },
    },
  ]);
});

test('the act is described for the reader: another mailbox than the primary one gets no link', async () => {
  await tellOwner({ letters, describeAct }, em, typeWith('test/thing'), notice);
  await tellOwner({ letters, describeAct }, em, typeWith('test/thing'), { ...notice, address: 'old@fernway.example' });
  expect(described).toMatchObject([
    { language: 'nl', isPrimary: true, isSignIn: false },
    { language: 'nl', isPrimary: false },
  ]);
});

test('an owner without a language is notified in the language of the browser', async () => {
  await tellOwner({ letters, describeAct }, em, typeWith('test/thing'), {
    ...notice,
    owner: { ...notice.owner, profile: {} },
  });
  expect(sent).toMatchObject([{ language: 'de' }]);
});

test('an owner is not notified if the catalogue names no mail', async () => {
  await tellOwner({ letters, describeAct }, em, typeWith(undefined), notice);
  expect(sent).toEqual([]);
});

test('another mail than the one in the catalogue is a fault', async () => {
  const telling = tellOwner({ letters, describeAct }, em, typeWith('test/other'), notice);
  await expect(telling).rejects.toThrow('thing.done has the letter test/other, not test/thing');
  expect(sent).toEqual([]);
});
