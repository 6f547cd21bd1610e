import { fontNames } from '#kernel/brand/fonts.ts';
import { languages } from '#kernel/i18n.ts';
import { view } from '#kernel/views.ts';

export type Proposal = {
  name: string;
  color: string;
  accent: string;
  radius: string;
  font: string;
  background: string;
  /** Of the pages that are shown. */
  language: string;
  /** Empty follows the system. */
  theme: string;
};

export type PreviewPage = {
  proposal: Proposal;
  /** Fields whose value is not taken; the frames have the brand in force for them. */
  wrong: readonly (keyof Proposal)[];
  choices: Readonly<Record<'radius' | 'font' | 'background' | 'theme', readonly string[]>> & {
    language: readonly { tag: string; name: string }[];
  };
  /** The journeys, named as in addresses. */
  slices: readonly { name: string; href: string; isHere: boolean }[];
  frames: readonly { page: string; sample: string; src: string }[];
};

export const choices: PreviewPage['choices'] = {
  radius: ['sharp', 'soft', 'round'],
  font: fontNames,
  background: ['plain', 'tint'],
  theme: ['', 'light', 'dark'],
  language: Object.entries(languages).map(([tag, { name }]) => ({ tag, name })),
};

const plain: PreviewPage = {
  proposal: {
    name: 'Fernway',
    color: '#0a3fb5',
    accent: '',
    radius: 'soft',
    font: 'hyperlegible',
    background: 'plain',
    language: 'en',
    theme: '',
  },
  wrong: [],
  choices,
  slices: [
    { name: 'sign-in/login', href: '/branding/preview?slice=sign-in%2Flogin', isHere: true },
    { name: 'sign-in/consent', href: '/branding/preview?slice=sign-in%2Fconsent', isHere: false },
  ],
  frames: [
    {
      page: 'sign-in/login/identifier',
      sample: 'plain',
      src: '/branding/preview/frame?view=sign-in/login/identifier&sample=plain',
    },
    {
      page: 'sign-in/login/password',
      sample: 'wrong',
      src: '/branding/preview/frame?view=sign-in/login/password&sample=wrong',
    },
  ],
};

export const previewView = view<PreviewPage>('branding/preview.njk', {
  samples: {
    plain,
    wrong: {
      ...plain,
      proposal: { ...plain.proposal, name: '', color: 'blue', accent: 'red' },
      wrong: ['name', 'color', 'accent'],
    },
    hostile: {
      ...plain,
      proposal: { ...plain.proposal, name: '"><script>alert(1)</script>', color: '"><img src=x onerror=alert(1)>' },
      wrong: ['color'],
      frames: [
        { page: 'sign-in/login/password', sample: '<b>', src: '/branding/preview/frame?view=%22%3E&sample=<b>' },
      ],
    },
  },
});
