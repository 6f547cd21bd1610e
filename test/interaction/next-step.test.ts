import { describe, expect, test } from 'vitest';
import { nextStep, type Question, type Step } from '../../src/interaction/next-step.ts';

const someone = 'usr_01h455vb4pex5vsknk084sn02q' as const;
const page = (name: 'account' | 'login' | 'password' | 'consent'): Step => ({ kind: 'page', page: name });
const signedIn = (...answered: ('select_account' | 'create')[]): Step => ({ kind: 'signed-in', answered });

type Row = [
  prompt: Question['prompt'],
  session: string | null,
  identifier: string | null,
  proven: typeof someone | null,
  chosen: 'session' | 'another' | null,
  step: Step,
];

const rows: Row[] = [
  // prompt         session   identifier      proven   chosen     step
  ['login', null, null, null, null, page('login')],
  ['login', null, 'a@x.example', null, null, page('password')],
  ['login', null, 'a@x.example', someone, null, signedIn()],
  ['login', someone, null, null, null, page('login')],
  ['login', someone, 'a@x.example', null, null, page('password')],
  ['login', someone, 'a@x.example', someone, null, signedIn()],
  ['login', someone, null, null, 'session', page('login')],
  ['create', null, null, null, null, page('login')],
  ['create', null, 'a@x.example', null, null, page('password')],
  ['create', null, 'a@x.example', someone, null, signedIn('create')],
  ['create', someone, null, null, null, page('login')],
  ['select_account', null, null, null, null, page('login')],
  ['select_account', null, 'a@x.example', null, null, page('password')],
  ['select_account', null, 'a@x.example', someone, null, signedIn('select_account')],
  ['select_account', null, null, null, 'session', page('login')],
  ['select_account', someone, null, null, null, page('account')],
  ['select_account', someone, null, null, 'session', { kind: 'chosen' }],
  ['select_account', someone, null, null, 'another', page('login')],
  ['select_account', someone, 'a@x.example', null, 'another', page('password')],
  ['select_account', someone, 'a@x.example', someone, 'another', signedIn('select_account')],
  ['consent', someone, null, null, null, page('consent')],
  ['consent', someone, 'a@x.example', null, null, page('consent')],
  ['consent', null, null, null, null, page('consent')],
  ['consent', someone, null, null, 'session', page('consent')],
  ['consent', someone, null, null, 'another', page('login')],
  ['consent', someone, 'a@x.example', null, 'another', page('password')],
  ['consent', someone, 'a@x.example', someone, 'another', signedIn()],
];

describe('what comes next in a sign-in', () => {
  test.each(rows)(
    '%s, session %s, typed %s, proven %s, chosen %s',
    (prompt, accountId, identifier, userId, chosen, step) => {
      expect(nextStep({ prompt, accountId }, { identifier, userId, chosen })).toEqual(step);
    },
  );

  test('nothing but a proof ends the question who is there', () => {
    for (const [prompt, accountId, identifier, , chosen] of rows.filter(
      ([prompt]) => prompt === 'login' || prompt === 'create',
    )) {
      expect(nextStep({ prompt, accountId }, { identifier, userId: null, chosen }).kind).toBe('page');
    }
  });
});
