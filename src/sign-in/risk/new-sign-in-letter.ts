import { letter } from '#kernel/mail/letters.ts';
import { type Circumstances, sampleCircumstances } from '#directory/users/module.ts';

type NewSignInLetter = Circumstances & { email: string };

const plain: NewSignInLetter = { ...sampleCircumstances, email: 'noor.haddad@fernway.example' };

export const newSignInLetter = letter<NewSignInLetter>('sign-in/risk/new-sign-in', {
  samples: {
    plain,
    'nothing known': { ...plain, device: null, place: null },
    hostile: { ...plain, device: '<i>"&, <img src=x>', place: '<script>alert(1)</script>' },
  },
});
