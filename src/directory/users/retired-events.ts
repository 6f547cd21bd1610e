import type { ShownEventType } from '#audit/module.ts';

/** Recorded by releases that knew one type for `user.disabled` and `user.enabled`. Their events stay in the log, and are shown. */
export const userStatusChanged: ShownEventType = {
  name: 'user.status_changed',
  audience: ['operator', 'person'],
  gravity: 'notice',
  caep: null,
};
