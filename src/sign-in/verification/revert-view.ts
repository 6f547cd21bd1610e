import { view } from '#kernel/views.ts';

/** Taking a change of address back, before it is done. */
type RevertPage = {
  /** Where the form posts to; null when the link is dead. Button: `action=confirm`. */
  action: string | null;
  /** The address that comes back; empty when the link is dead. */
  email: string;
};

const plain: RevertPage = { action: '/verification/revert', email: 'noor@fernway.example' };

export const revertView = view<RevertPage>('sign-in/verification/revert.njk', {
  samples: {
    plain,
    dead: { action: null, email: '' },
    hostile: { ...plain, email: '"><b>@evil.example' },
    long: { ...plain, email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});

/** It is done. */
type RevertedPage = { accountUrl: string };

export const revertedView = view<RevertedPage>('sign-in/verification/reverted.njk', {
  samples: { plain: { accountUrl: '/account' } },
});
