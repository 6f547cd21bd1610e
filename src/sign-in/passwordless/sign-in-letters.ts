import { letter } from '#kernel/mail/letters.ts';
import { textTemplate } from '#kernel/sms/texts.ts';

/** The link and the code to sign in; the policy may omit one of them. */
type SignInLetter = {
  email: string;
  /** The application of the sign-in. */
  client: string;
  code: string | null;
  url: string | null;
  /** How long they work, in seconds. */
  lifetime: number;
};

const plain: SignInLetter = {
  email: 'noor@fernway.example',
  client: 'Tally',
  code: '481920',
  url: 'https://id.example.com/interaction/4Tj2mQ8xVb0c/email-link/Zk3yN7sLw5pRd1gHf6uAe9iXo2vKq0E4Tj2mQ8xVb0',
  lifetime: 600,
};

export const signInLetter = letter<SignInLetter>('sign-in/passwordless/sign-in', {
  samples: {
    plain,
    'code alone': { ...plain, url: null },
    'link alone': { ...plain, code: null },
    hostile: { ...plain, email: '"<script>x\u202e"@evil.example', client: '<script>alert(1)\n\u202eyllaT' },
  },
});

/** The code to sign in. */
type CodeText = { code: string };

export const codeText = textTemplate<CodeText>('sign-in/passwordless/code', { samples: { plain: { code: '402913' } } });
