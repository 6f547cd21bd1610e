import { view } from '#kernel/views.ts';

/** The page of the link of an invitation to an organization. Button `action=accept`, `continue` or `decline`. */
export type InvitedPage = {
  /** Where the forms post to. */
  action: string;
  organization: string;
  /** The invited address. */
  email: string;
  situation:
    /** The signed-in user has proven the address. */
    | 'accept'
    /** The address has no account yet. */
    | 'create'
    | 'sign_in'
    /** The signed-in user has another address. */
    | 'other_account'
    /** The account of the signed-in user has the address, but has not proven it. */
    | 'unverified'
    /** The address has no account, and none can be created. */
    | 'no_account';
  /** The address of the signed-in user. */
  signedInAs: string | null;
};

const plain: InvitedPage = {
  action: '/invitation/q0E4Tj2mQ8xV',
  organization: 'Fernway Studio',
  email: 'noor@fernway.example',
  situation: 'accept',
  signedInAs: 'noor@fernway.example',
};

export const invitedView = view<InvitedPage>('sign-in/registration/organization-invitation.njk', {
  samples: {
    plain,
    'without an account': { ...plain, situation: 'create', signedInAs: null },
    'with an account': { ...plain, situation: 'sign_in', signedInAs: null },
    'signed in as another user': { ...plain, situation: 'other_account', signedInAs: 'sam@halden.example' },
    'with an address to confirm': { ...plain, situation: 'unverified' },
    'without an account where there are no new ones': { ...plain, situation: 'no_account', signedInAs: null },
    hostile: {
      ...plain,
      situation: 'other_account',
      organization: '<script>alert(1)</script>\u202E',
      email: '"><script>alert(1)</script>@evil.example',
      signedInAs: '"><b>@x.example',
    },
    long: {
      ...plain,
      situation: 'other_account',
      organization: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft',
      email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example`,
      signedInAs: `${'d'.repeat(64)}@${'e'.repeat(63)}.example`,
    },
  },
});

/** After the answer to an invitation, and for one that is over. */
type AnsweredPage = { reason: 'declined' | 'over' };

export const answeredView = view<AnsweredPage>('sign-in/registration/organization-invitation-over.njk', {
  samples: { declined: { reason: 'declined' }, over: { reason: 'over' } },
});
