import { view } from '#kernel/views.ts';
import { type AccountFrame, hostileFrame, longFrame, sampleFrame } from './account-frame.ts';
import { doubtful, toldEvents, type ToldEvent, toldTypes, type Tone } from './told-events.ts';

export type ShownEvent = {
  type: ToldEvent;
  tone: Tone;
  at: Date;
  /** Name of the application that it was about, if we know. */
  app: string | null;
  browser: string | null;
  system: string | null;
  place: string | null;
  ip: string | null;
  /** Whether to ask if it was them. */
  isDoubtful: boolean;
};

type ActivityPage = {
  frame: AccountFrame;
  events: readonly ShownEvent[];
  /** Where older ones are; null when there are none. */
  olderUrl: string | null;
};
type NotMePage = { frame: AccountFrame };

const event = (type: ToldEvent): ShownEvent => ({
  type,
  tone: toldEvents[type],
  at: new Date('2026-11-22T09:02:00Z'),
  app: 'Tally',
  browser: 'Safari',
  system: 'macOS',
  place: 'Utrecht, Netherlands',
  ip: '203.0.113.24',
  isDoubtful: doubtful.has(type),
});
const plain: ActivityPage = {
  frame: sampleFrame,
  events: [event('user.signed_in'), event('consent.given'), event('user.sign_in_failed'), event('user.device_trusted')],
  olderUrl: '/account/activity?before=evt_01kt0000000000000000000000',
};

export const activityView = view<ActivityPage>('account/activity.njk', {
  samples: {
    plain,
    'everything that happens': { ...plain, events: toldTypes.map(event), olderUrl: null },
    'little known': {
      ...plain,
      events: toldTypes.slice(0, 3).map((type) => ({
        ...event(type),
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
      events: [{ ...event('consent.given'), app: '<b>{app}</b>', browser: '<i>', system: '"><u>', place: '<script>' }],
    },
    long: { ...plain, frame: longFrame },
  },
});

export const notMeView = view<NotMePage>('account/not-me.njk', {
  samples: { plain: { frame: sampleFrame }, hostile: { frame: hostileFrame } },
});
