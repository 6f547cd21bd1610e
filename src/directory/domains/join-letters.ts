import { letter } from '#kernel/mail/letters.ts';

/** To those who manage the members of an organization: a user asks to join it. */
type JoinRequestLetter = {
  organization: string;
  /** The name of the user, or the email address of one without a name. */
  person: string;
  email: string;
  /** The page with the open requests. */
  url: string;
};

const asking: JoinRequestLetter = {
  organization: 'Fernway Studio',
  person: 'Noor Haddad',
  email: 'noor@fernway.example',
  url: 'https://id.fernway.example/account/organizations/org_1/requests',
};

export const joinRequestLetter = letter<JoinRequestLetter>('directory/domains/join-request', {
  samples: {
    plain: asking,
    'without a name': { ...asking, person: asking.email },
    hostile: {
      ...asking,
      organization: '<script>"Acme"</script>\r\nBcc: x@evil.example',
      person: '\u202E<script>alert(1)</script>',
      email: '"<i>"@x.example',
    },
  },
});

/** To the user who asked: the answer. */
type JoinAnswerLetter = {
  organization: string;
  answer: 'approved' | 'refused';
  /** From when the user may ask again; null after an approval. */
  againAt: Date | null;
  /** The page with the organizations of the user. */
  url: string;
};

const approved: JoinAnswerLetter = {
  organization: 'Fernway Studio',
  answer: 'approved',
  againAt: null,
  url: 'https://id.fernway.example/account/organizations',
};

export const joinAnswerLetter = letter<JoinAnswerLetter>('directory/domains/join-answer', {
  samples: {
    approved,
    refused: { ...approved, answer: 'refused', againAt: new Date('2026-12-22T10:31:00Z') },
    hostile: { ...approved, organization: '<script>"Acme"</script>\r\nBcc: x@evil.example' },
  },
});
