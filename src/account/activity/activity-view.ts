import type { EventTypeRow } from '#audit/module.ts';
import { userDeviceTrusted, userPasskeyAdded, userSecondFactorFailed } from '#credentials/events.ts';
import { view } from '#kernel/views.ts';
import { sessionEnded, tokenReused } from '#oidc/events.ts';
import { type AccountFrame, hostileFrame, longFrame, sampleFrame } from '../account-frame.ts';
import { userDataDownloaded } from '../events.ts';
import { type ToldEvent, toldEvent } from './shown-events.ts';

export type ShownEvent = ToldEvent & {
  at: Date;
  /** Name of the application that it was about, if we know. */
  app: string | null;
  browser: string | null;
  system: string | null;
  place: string | null;
  ip: string | null;
};

type ActivityPage = {
  frame: AccountFrame;
  events: readonly ShownEvent[];
  /** Where older ones are; null when there are none. */
  olderUrl: string | null;
};
type NotMePage = { frame: AccountFrame };

const event = (type: EventTypeRow): ShownEvent => ({
  ...toldEvent(type),
  at: new Date('2026-11-22T09:02:00Z'),
  app: 'Tally',
  browser: 'Safari',
  system: 'macOS',
  place: 'Utrecht, Netherlands',
  ip: '203.0.113.24',
});
const plain: ActivityPage = {
  frame: sampleFrame,
  events: [userPasskeyAdded, sessionEnded, userSecondFactorFailed, userDeviceTrusted, userDataDownloaded].map(event),
  olderUrl: '/account/activity?before=evt_01kt0000000000000000000000',
};

export const activityView = view<ActivityPage>('account/activity/activity.njk', {
  samples: {
    plain,
    'little known': {
      ...plain,
      events: plain.events.map((shown) => ({
        ...shown,
        app: null,
        browser: null,
        system: null,
        place: null,
        ip: null,
      })),
    },
    none: { ...plain, events: [], olderUrl: null },
    hostile: {
      ...plain,
      frame: hostileFrame,
      events: [{ ...event(tokenReused), app: '<b>{app}</b>', browser: '<i>', system: '"><u>', place: '<script>' }],
    },
    long: { ...plain, frame: longFrame },
  },
});

export const notMeView = view<NotMePage>('account/security/not-me.njk', {
  samples: { plain: { frame: sampleFrame }, hostile: { frame: hostileFrame } },
});
