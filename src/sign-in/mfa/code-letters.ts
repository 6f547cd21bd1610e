import { letter } from '#kernel/mail/letters.ts';
import { textTemplate } from '#kernel/sms/texts.ts';

/** The second-factor code, to a user who has just proved the first factor. */
type SecondFactorCodeLetter = {
  code: string;
  /** Seconds that it is good for. */
  lifetime: number;
  /** The application of the sign-in. */
  client: string;
  device: string | null;
  ip: string | null;
};

const plain: SecondFactorCodeLetter = {
  code: '481920',
  lifetime: 600,
  client: 'Tally',
  device: 'Firefox, Linux',
  ip: '192.0.2.7',
};

export const secondFactorCodeLetter = letter<SecondFactorCodeLetter>('sign-in/mfa/code', {
  samples: {
    plain,
    'nothing known of the browser': { ...plain, device: null, ip: null },
    hostile: { ...plain, client: '<i>\u202EyllaT</i>\nhttps://evil.example {code}', device: null },
  },
});

/** The same as a text message. */
type SecondFactorCodeText = { code: string };

export const secondFactorCodeText = textTemplate<SecondFactorCodeText>('sign-in/mfa/code', {
  samples: { plain: { code: '481920' } },
});
