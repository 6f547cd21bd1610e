import { view } from '#kernel/views.ts';

type DeviceDonePage = {
  outcome: 'connected' | 'stopped';
  /** The name is empty when the request is over and its app no longer known. */
  client: { name: string };
};

export const deviceDoneView = view<DeviceDonePage>('sign-in/device/done.njk', {
  samples: {
    connected: { outcome: 'connected', client: { name: 'Tally CLI' } },
    stopped: { outcome: 'stopped', client: { name: 'Tally CLI' } },
    'stopped, app not known': { outcome: 'stopped', client: { name: '' } },
    hostile: { outcome: 'connected', client: { name: '<script>alert(1)</script>\u202E' } },
  },
});
