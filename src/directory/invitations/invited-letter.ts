import { letter } from '#kernel/mail/letters.ts';

/** To an address that an organization invites. */
type InvitedLetter = {
  organization: string;
  /** The name of the user who invites; null for one without a name, and for operators. */
  inviter: string | null;
  url: string;
  /** For how long the link works. */
  days: number;
};

const plain: InvitedLetter = {
  organization: 'Fernway Studio',
  inviter: 'Noor Haddad',
  url: 'https://id.fernway.example/invitation/3f2a9c1b',
  days: 7,
};

export const invitedLetter = letter<InvitedLetter>('directory/invitations/invited', {
  samples: {
    plain,
    'without an inviter': { ...plain, inviter: null },
    hostile: {
      ...plain,
      organization: '<script>"Acme"</script>\r\nBcc: x@evil.example',
      inviter: '\u202E<script>alert(1)</script>',
    },
  },
});
