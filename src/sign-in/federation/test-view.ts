import { view } from '#kernel/views.ts';

/** The link that tests a connection: a button, then the result. No user is signed in, and nothing is stored. */
type TestPage = {
  provider: string;
  /** Of the form that begins; null where the link is used or too old, or where it shows the result. */
  action: string | null;
  /** The provider could not be asked. */
  isUnreachable: boolean;
  result: TestResult | null;
};

export type TestResult =
  | { kind: 'passed'; profile: readonly Told[]; seen: readonly Told[] }
  | { kind: 'cancelled' }
  /** In English, as the reasons are in the log. */
  | { kind: 'refused'; reason: string; words: string; detail: string | null };

type Told = { name: string; values: readonly string[] };

const begin: TestPage = {
  provider: 'Fernway',
  action: '/federation/fernway/test/3c1f0a9be2d4',
  isUnreachable: false,
  result: null,
};
const profile: readonly Told[] = [
  { name: 'subject', values: ['f7c1e0b2-8a54-4f0d-9d42-1f4c0a6f2b11'] },
  { name: 'email', values: ['noor@fernway.example'] },
  { name: 'groups', values: ['Engineering', 'Berlin'] },
];
const seen: readonly Told[] = [
  { name: 'NameID', values: ['f7c1e0b2-8a54-4f0d-9d42-1f4c0a6f2b11'] },
  { name: 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress', values: ['noor@fernway.example'] },
];
const after = { ...begin, action: null };

export const testView = view<TestPage>('sign-in/federation/test.njk', {
  samples: {
    begin,
    'not reached': { ...begin, isUnreachable: true },
    used: after,
    passed: { ...after, result: { kind: 'passed', profile, seen } },
    cancelled: { ...after, result: { kind: 'cancelled' } },
    refused: {
      ...after,
      result: {
        kind: 'refused',
        reason: 'audience',
        words: 'The assertion is for another audience. Check the entity ID of this instance at the provider.',
        detail: null,
      },
    },
    hostile: {
      provider: '<script>alert(1)</script>',
      action: null,
      isUnreachable: false,
      result: {
        kind: 'passed',
        profile: [{ name: 'name', values: ['"><script>alert(1)</script>'] }],
        seen: [{ name: '<img src=x onerror=alert(1)>', values: ['\u202Eevil', 'x'.repeat(400)] }],
      },
    },
  },
});
