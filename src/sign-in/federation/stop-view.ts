import { view } from '#kernel/views.ts';

/** Why a sign-in at an upstream provider led to no account. Each says what can be done instead. */
type StopPage = {
  reason: StopReason;
  /** The name of the provider; null where it is not known. */
  provider: string | null;
  /** Where the sign-in goes on in another way. */
  nextUrl: string;
  /** Where an account can be created by the form; null where that is not possible. */
  createUrl: string | null;
};

export type StopReason =
  /** The answer came too late, a second time, or in another browser. */
  | 'over'
  /** The answer of the provider is wrong, or it refused. */
  | 'upstream'
  | 'disabled'
  | 'not_member'
  | 'no_account'
  | 'address_taken'
  | 'invitation'
  | 'waitlist'
  | 'domain'
  | 'throttled'
  /** The organization demands a connection of its own, and none is ready. */
  | 'unready'
  /** The address is not of a domain of the organization. */
  | 'foreign_domain';

const plain: StopPage = {
  reason: 'upstream',
  provider: 'Google',
  nextUrl: '/interaction/4Tj2/login',
  createUrl: null,
};

export const stopView = view<StopPage>('sign-in/federation/stop.njk', {
  samples: {
    plain,
    'too late': { ...plain, reason: 'over', provider: null, nextUrl: '/account' },
    disabled: { ...plain, reason: 'disabled' },
    'of another organization': { ...plain, reason: 'not_member' },
    'no account': { ...plain, reason: 'no_account', createUrl: '/interaction/4Tj2/create' },
    'an address with an account': { ...plain, reason: 'address_taken' },
    'for the invited': { ...plain, reason: 'invitation' },
    'with a waitlist': { ...plain, reason: 'waitlist' },
    'another domain': { ...plain, reason: 'domain' },
    'too many accounts from here': { ...plain, reason: 'throttled' },
    'an address of another domain': { ...plain, reason: 'foreign_domain', provider: 'Staff of Fernway' },
    'without a connection': { ...plain, reason: 'unready', provider: null },
    hostile: { ...plain, provider: '<script>alert(1)</script>\u202E' },
    long: { ...plain, provider: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft' },
  },
});
