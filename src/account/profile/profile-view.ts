import { view } from '#kernel/views.ts';
import { fieldSamples, type ShownField } from '#directory/users/module.ts';
import { type AccountFrame, hostileFrame, longFrame, sampleFrame } from '../account-frame.ts';

export type ProfilePage = {
  frame: AccountFrame;
  /** Claims and the operator's properties. */
  fields: readonly ShownField[];
  /** Whether one of them must be corrected. */
  isWrong: boolean;
  /** Values that the user may see and only an operator may change. */
  facts: readonly { label: string; value: string }[];
  languages: readonly { language: string; name: string; isChosen: boolean }[];
  theme: 'light' | 'dark' | null;
  pictureProblem: 'required' | 'too_large' | 'no_picture' | null;
  /** Of the largest picture. */
  pictureMegabytes: number;
};

const plain: ProfilePage = {
  frame: sampleFrame,
  fields: fieldSamples.name.map((field) => ({ ...field, value: 'Noor Haddad' })),
  isWrong: false,
  facts: [],
  languages: [
    { language: 'en', name: 'English', isChosen: true },
    { language: 'de', name: 'Deutsch', isChosen: false },
  ],
  theme: null,
  pictureProblem: null,
  pictureMegabytes: 2,
};

export const profileView = view<ProfilePage>('account/profile/profile.njk', {
  samples: {
    plain,
    'everything that can be asked': {
      ...plain,
      frame: { ...sampleFrame, picture: '/apple-touch-icon.png' },
      fields: fieldSamples.everything,
      facts: [{ label: 'Cost centre', value: '4711' }],
      theme: 'dark',
    },
    'wrong answers': { ...plain, fields: fieldSamples.wrong, isWrong: true },
    'a username that is taken': { ...plain, fields: fieldSamples.username, isWrong: true },
    'no picture chosen': { ...plain, pictureProblem: 'required' },
    'a picture that is too large': { ...plain, pictureProblem: 'too_large' },
    'no picture at all': { ...plain, pictureProblem: 'no_picture' },
    hostile: {
      ...plain,
      frame: hostileFrame,
      fields: fieldSamples.hostile,
      facts: [{ label: '<b>', value: '"><script>' }],
    },
    long: { ...plain, frame: longFrame },
  },
});
