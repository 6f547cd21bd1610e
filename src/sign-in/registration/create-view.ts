import { type FieldRules, type NewPasswordProblem, newPasswordProblems, sampleRules } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';
import { manyButtons, noButtons, type ProviderButtons, someButtons } from '#sign-in/interaction/module.ts';
import { fieldSamples, type ShownField } from '#directory/users/module.ts';
import type { Method } from './pending-registration.ts';

export type CreatePage = {
  /**
   * The target of the form. Fields: `email` unless it is fixed, all of `fields`, `password` if it is the first method, `terms`;
   * button `action=continue` for the first method, `method` for another one.
   */
  action: string;
  /** The application of the registration; null for our own pages. */
  client: { name: string } | null;
  /** Null in the form without one, whose `fields` ask for a username. */
  email: string | null;
  /** The address comes from an invitation: it is verified already. */
  isInvited: boolean;
  /** The address of the form without the invitation, for another user; null without an invitation. */
  otherUrl: string | null;
  /** In the mode `domains`, whose addresses can be used. */
  domains: readonly string[];
  fields: readonly ShownField[];
  /** The credential that the form creates, and the credentials of its other buttons. */
  method: Method;
  otherMethods: readonly Method[];
  /** Where a password can be chosen, when it is not the first method. */
  passwordUrl: string | null;
  /** The form without an email address, or from there the one with it; null where only this one is offered. */
  insteadUrl: string | null;
  rules: FieldRules;
  /** The upstream provider whose identity waits for the new account; null without one. */
  waitingProvider: string | null;
  buttons: ProviderButtons;
  asksForTerms: boolean;
  hasAgreed: boolean;
  signInUrl: string;
  errors: {
    email: 'required' | 'email' | 'domain' | null;
    password: NewPasswordProblem | null;
    terms: 'required' | null;
  };
  problem: CreateProblem | null;
  /** The challenge that the browser must solve first, during an attack. */
  challenge: string | null;
};

type CreateProblem =
  | { kind: 'throttled'; until: Date; waitSeconds: number }
  /** The browser has not solved what it was asked. */
  | { kind: 'work' }
  /** The queue for hashing passwords is full. */
  | { kind: 'unavailable' };

export const noErrors: CreatePage['errors'] = { email: null, password: null, terms: null };

const plain: CreatePage = {
  action: '/interaction/4Tj2/create',
  client: { name: 'Tally' },
  email: '',
  isInvited: false,
  otherUrl: null,
  domains: [],
  fields: fieldSamples.name,
  method: 'password',
  otherMethods: ['passkey'],
  passwordUrl: null,
  insteadUrl: null,
  rules: sampleRules,
  waitingProvider: null,
  buttons: noButtons,
  asksForTerms: true,
  hasAgreed: false,
  signInUrl: '/interaction/4Tj2/login',
  errors: noErrors,
  problem: null,
  challenge: null,
};
const named: CreatePage = {
  ...plain,
  action: '/interaction/4Tj2/create/username',
  email: null,
  fields: fieldSamples.username.slice(0, 1).map((field) => ({ ...field, name: 'username', value: '', error: null })),
  otherMethods: [],
  insteadUrl: '/interaction/4Tj2/create',
};
const typed: CreatePage = { ...plain, email: 'noor@fernway.example', hasAgreed: true };

export const createView = view<CreatePage>('sign-in/registration/create.njk', {
  samples: {
    plain,
    'without a client, terms and choice': { ...plain, client: null, asksForTerms: false, otherMethods: [] },
    'by passkey': {
      ...plain,
      method: 'passkey',
      otherMethods: ['email_code'],
      passwordUrl: '/interaction/4Tj2/create?method=password',
    },
    'or by username': { ...plain, insteadUrl: '/interaction/4Tj2/create/username' },
    'by username': named,
    'by username, wrong': {
      ...named,
      fields: fieldSamples.username,
      errors: { ...noErrors, password: { kind: 'required' } },
    },
    'by username, under pressure': { ...named, problem: { kind: 'work' } },
    'by code': { ...plain, method: 'email_code', otherMethods: [], fields: [] },
    'with providers': { ...plain, buttons: someButtons },
    'with many providers': { ...plain, buttons: manyButtons },
    'back from a provider': { ...typed, method: 'email_code', otherMethods: [], waitingProvider: 'GitHub' },
    invited: { ...typed, isInvited: true, otherUrl: '/interaction/4Tj2/create?without' },
    'of one domain': { ...plain, domains: ['fernway.example'] },
    'of three domains': { ...plain, domains: ['fernway.example', 'orchard.example', 'tally.example'] },
    'everything asked': { ...plain, fields: fieldSamples.everything },
    empty: {
      ...plain,
      fields: fieldSamples.name.map((field) => ({ ...field, error: 'required' })),
      errors: { email: 'required', password: { kind: 'required' }, terms: 'required' },
    },
    'not an address': { ...typed, email: 'noor at fernway', errors: { ...noErrors, email: 'email' } },
    'another domain': { ...typed, domains: ['orchard.example'], errors: { ...noErrors, email: 'domain' } },
    'everything wrong': { ...typed, fields: fieldSamples.wrong },
    ...Object.fromEntries(
      Object.entries(newPasswordProblems).map(([name, password]) => [
        name,
        { ...typed, errors: { ...noErrors, password } },
      ]),
    ),
    throttled: {
      ...typed,
      problem: { kind: 'throttled', until: new Date('2026-11-22T10:31:00Z'), waitSeconds: 2270 },
    },
    'under pressure': {
      ...typed,
      problem: { kind: 'work' },
      challenge:
        '{"parameters":{"algorithm":"SHA-256","cost":1,"keyLength":32,"keyPrefix":"9f","nonce":"00112233","salt":"44556677"},"signature":"ab"}',
    },
    busy: { ...typed, problem: { kind: 'unavailable' } },
    hostile: {
      ...plain,
      client: { name: '"><script>alert(1)</script>\u202EyllaT {client}' },
      email: '" autofocus onfocus="alert(1)',
      domains: ['"><b>x</b>'],
      fields: fieldSamples.hostile,
      errors: { ...noErrors, email: 'email' },
    },
    long: {
      ...plain,
      client: { name: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft' },
      isInvited: true,
      email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example`,
    },
  },
});
