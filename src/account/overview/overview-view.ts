import { view } from '#kernel/views.ts';
import { type AccountFrame, doneKinds, hostileFrame, longFrame, sampleFrame, usernameFrame } from '../account-frame.ts';
import type { ShownDevice } from '../devices/device-text.ts';

export type OverviewPage = {
  frame: AccountFrame;
  /** Recovery codes that are left, when they are few. */
  fewCodes: number | null;
  methods: {
    passkeys: { count: number; lastUsedAt: Date | null };
    appAddedAt: Date | null;
    /** Null for a user without a password. */
    passwordChangedAt: Date | null;
  };
  devices: readonly ShownDevice[];
  /** Whether the user belongs to one, is invited to one, or may create one. */
  hasOrganizations: boolean;
  /** Whether numbers can be added, or there are some to look at. */
  hasPhones: boolean;
  details: {
    emailVerified: boolean;
    phone: { number: string; isVerified: boolean } | null;
    /** In its own language; null when it follows the browser. */
    language: string | null;
  };
};

const day = new Date('2026-03-04T09:00:00Z');
const now = new Date('2026-11-22T10:31:00Z');
const laptop: ShownDevice = {
  id: 'k1',
  kind: 'computer',
  browser: 'Safari',
  system: 'macOS',
  place: 'Utrecht, Netherlands',
  ip: '203.0.113.24',
  seenAt: now,
  signedInAt: day,
  isCurrent: true,
};

const plain: OverviewPage = {
  frame: sampleFrame,
  fewCodes: null,
  methods: { passkeys: { count: 2, lastUsedAt: now }, appAddedAt: day, passwordChangedAt: day },
  devices: [
    laptop,
    { ...laptop, id: 'k2', kind: 'phone', browser: 'Chrome', system: 'Android', isCurrent: false },
    { ...laptop, id: 'k3', browser: null, system: null, place: null, isCurrent: false },
  ],
  hasOrganizations: true,
  hasPhones: true,
  details: { emailVerified: true, phone: { number: '+31612345647', isVerified: true }, language: 'English' },
};

export const overviewView = view<OverviewPage>('account/overview/overview.njk', {
  samples: {
    plain,
    'little known, few codes': {
      ...plain,
      frame: { ...sampleFrame, name: null, isAgain: true },
      fewCodes: 2,
      methods: { passkeys: { count: 0, lastUsedAt: null }, appAddedAt: null, passwordChangedAt: null },
      devices: [laptop],
      hasPhones: false,
      details: { emailVerified: false, phone: { number: '+31612345647', isVerified: false }, language: null },
    },
    ...Object.fromEntries(
      doneKinds.map((done) => [
        `after ${done}`,
        {
          ...plain,
          frame: { ...sampleFrame, done },
          methods: { ...plain.methods, passkeys: { count: 1, lastUsedAt: null } },
          details: { ...plain.details, phone: null },
        },
      ]),
    ),
    'without an email address': { ...plain, frame: usernameFrame, details: { ...plain.details, emailVerified: false } },
    hostile: {
      ...plain,
      frame: hostileFrame,
      devices: [{ ...laptop, browser: '<i>', system: '"><b>', place: '<script>', ip: '::1' }],
      details: { ...plain.details, phone: { number: '"><b>', isVerified: true } },
    },
    long: { ...plain, frame: longFrame },
  },
});
