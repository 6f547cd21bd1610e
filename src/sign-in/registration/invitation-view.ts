import { view } from '#kernel/views.ts';

/** The page of an invitation link: the invited address, and a button to continue. */
type InvitationPage = {
  /** Where the form posts to; button `action=continue`. */
  action: string;
  email: string;
};

const plain: InvitationPage = { action: '/invitation/q0E4Tj2mQ8xV', email: 'noor@fernway.example' };

export const invitationView = view<InvitationPage>('sign-in/registration/invitation.njk', {
  samples: {
    plain,
    hostile: { ...plain, email: '"><script>alert(1)</script>@evil.example' },
    long: { ...plain, email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});
