import {
  manyButtons,
  noButtons,
  type ProviderButtons,
  someButtons,
  type TurnedBack,
} from '#sign-in/interaction/module.ts';
import { view } from '#kernel/views.ts';

export type IdentifierPage = {
  /** Where the form posts to. Fields: `email`, `remember`, and `filled_password`, unseen; button `action=continue`. */
  action: string;
  /** The application of the sign-in; null for our own pages. */
  client: { name: string } | null;
  /** The address or username typed before, or a `login_hint`; empty otherwise. */
  email: string;
  /** Whether a username is an answer too. */
  hasUsernames: boolean;
  /** Whether passwords are in use, so that a password manager may have one. */
  hasPasswords: boolean;
  /** Where passkeys are used instead; null where there are none. */
  passkeyUrl: string | null;
  buttons: ProviderButtons;
  /** The box "Keep me signed in", where the sign-in may go on at a provider; null without it. */
  remember: boolean | null;
  /** Where this browser shows the accounts that it remembers; null without any. */
  chooserUrl: string | null;
  /** Where an account can be created; null where that is not possible. */
  createUrl: string | null;
  problem: IdentifierProblem | null;
};

type IdentifierProblem =
  | TurnedBack
  | { kind: 'required' | 'email' }
  /** Too many attempts from this address. */
  | { kind: 'throttled'; until: Date; waitSeconds: number }
  /** The server cannot check anything now. */
  | { kind: 'unavailable' };

const plain: IdentifierPage = {
  action: '/interaction/4Tj2/login',
  client: { name: 'Tally' },
  email: '',
  hasUsernames: false,
  hasPasswords: true,
  passkeyUrl: '/interaction/4Tj2/passkey',
  buttons: noButtons,
  remember: null,
  chooserUrl: null,
  createUrl: '/interaction/4Tj2/create',
  problem: null,
};

export const identifierView = view<IdentifierPage>('sign-in/login/identifier.njk', {
  samples: {
    plain,
    'with a hint': { ...plain, email: 'noor@fernway.example' },
    'with remembered accounts': { ...plain, chooserUrl: '/interaction/4Tj2/account' },
    'with providers': { ...plain, remember: false, buttons: { ...someButtons, lastProvider: 'microsoft' } },
    'with the box alone': { ...plain, remember: true, passkeyUrl: null, createUrl: null },
    'with many providers': { ...plain, remember: true, passkeyUrl: null, buttons: manyButtons },
    'back from a provider': {
      ...plain,
      remember: true,
      buttons: someButtons,
      problem: { kind: 'cancelled', provider: 'Google' },
    },
    'without a client': { ...plain, client: null },
    'without passwords': { ...plain, hasPasswords: false },
    'without passkeys and new accounts': { ...plain, passkeyUrl: null, createUrl: null },
    empty: { ...plain, problem: { kind: 'required' } },
    'not an address': { ...plain, email: 'noor at fernway', problem: { kind: 'email' } },
    'with usernames': { ...plain, hasUsernames: true, email: 'noor' },
    'with usernames, empty': { ...plain, hasUsernames: true, problem: { kind: 'required' } },
    'with usernames, neither': { ...plain, hasUsernames: true, email: 'noor haddad', problem: { kind: 'email' } },
    throttled: {
      ...plain,
      email: 'noor@fernway.example',
      problem: { kind: 'throttled', until: new Date('2026-11-22T10:31:00Z'), waitSeconds: 227 },
    },
    busy: { ...plain, email: 'noor@fernway.example', problem: { kind: 'unavailable' } },
    hostile: {
      ...plain,
      client: { name: '"><script>alert(1)</script>\u202EyllaT {client}' },
      email: '" autofocus onfocus="alert(1)',
      problem: { kind: 'email' },
    },
    long: {
      ...plain,
      client: {
        name: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft für den Außenhandel',
      },
      email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example`,
    },
  },
});
