import { view } from '#kernel/views.ts';
import { type AccountFrame, hostileFrame, longFrame, sampleFrame } from '../account-frame.ts';
import type { ShownDevice } from './device-text.ts';

/** Field: `device`; buttons `action=logout` for one and, in a form of its own, `action=others`. */
type DevicesPage = { frame: AccountFrame; devices: readonly ShownDevice[]; knowsPlaces: boolean };

const now = new Date('2026-11-22T10:31:00Z');
const laptop: ShownDevice = {
  id: 'k1',
  kind: 'computer',
  browser: 'Safari',
  system: 'macOS',
  place: 'Utrecht, Netherlands',
  ip: '203.0.113.24',
  seenAt: now,
  signedInAt: new Date('2026-11-03T08:00:00Z'),
  isCurrent: true,
};
const plain: DevicesPage = {
  frame: sampleFrame,
  devices: [
    laptop,
    {
      ...laptop,
      id: 'k2',
      kind: 'phone',
      browser: 'Chrome',
      system: 'Android',
      ip: '2001:db8:4f::19',
      isCurrent: false,
    },
    { ...laptop, id: 'k3', browser: 'Edge', system: null, place: null, isCurrent: false },
    { ...laptop, id: 'k4', browser: null, system: null, place: null, ip: null, seenAt: null, isCurrent: false },
  ],
  knowsPlaces: true,
};

export const devicesView = view<DevicesPage>('account/devices/devices.njk', {
  samples: {
    plain,
    'this one alone': { ...plain, devices: [{ ...laptop, place: null }], knowsPlaces: false },
    hostile: {
      ...plain,
      frame: hostileFrame,
      devices: [{ ...laptop, id: '"><b>', browser: '<i>', system: '"><b>', place: '<script>', isCurrent: false }],
    },
    long: {
      ...plain,
      frame: longFrame,
      devices: [{ ...laptop, place: 'Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch, United Kingdom' }],
    },
  },
});
