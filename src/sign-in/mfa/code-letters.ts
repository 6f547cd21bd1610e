import { type Circumstances, sampleCircumstances, sampleUnseen } from '#directory/users/module.ts';
import { letter } from '#kernel/mail/letters.ts';
import { textTemplate } from '#kernel/sms/texts.ts';

/** The second-factor code, to a user who has just proved the first factor. */
type SecondFactorCodeLetter = Circumstances & {
  code: string;
  /** Seconds that it is good for. */
  lifetime: number;
  /** The application of the sign-in. */
  client: string;
};

const plain: SecondFactorCodeLetter = {
  ...sampleCircumstances,
  notMeUrl: null,
  code: '481920',
  lifetime: 600,
  client: 'Tally',
};

export const secondFactorCodeLetter = letter<SecondFactorCodeLetter>('sign-in/mfa/code', {
  samples: {
    plain,
    'nothing known of the browser': { ...plain, ...sampleUnseen },
    hostile: { ...plain, client: '<i>\u202EyllaT</i>\nhttps://evil.example {code}', device: null },
  },
});

/** The same as a text message. */
type SecondFactorCodeText = { code: string };

export const secondFactorCodeText = textTemplate<SecondFactorCodeText>('sign-in/mfa/code', {
  samples: { plain: { code: '481920' } },
});
