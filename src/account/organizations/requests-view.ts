import { view } from '#kernel/views.ts';
import { type AccountFrame, hostileFrame, longFrame, sampleFrame } from '../account-frame.ts';

export type ShownRequest = { userId: string; name: string | null; email: string; askedAt: Date };

/** The open requests to join an organization, for those who answer them. Fields: `user` with button `action=approve` or `refuse`. */
export type RequestsPage = {
  frame: AccountFrame;
  action: string;
  organization: string;
  requests: readonly ShownRequest[];
  problem: 'answered' | 'not_allowed' | null;
};

const ada: ShownRequest = {
  userId: 'usr_1',
  name: 'Ada Byron',
  email: 'ada@fernway.example',
  askedAt: new Date('2026-03-04T09:00:00Z'),
};
const plain: RequestsPage = {
  frame: sampleFrame,
  action: '/account/organizations/org_1/requests',
  organization: 'Fernway Studio',
  requests: [ada, { ...ada, userId: 'usr_2', name: null, email: 'grace@fernway.example' }],
  problem: null,
};

export const requestsView = view<RequestsPage>('account/organizations/requests.njk', {
  samples: {
    plain,
    none: { ...plain, requests: [] },
    answered: { ...plain, problem: 'answered' },
    'not allowed': { ...plain, problem: 'not_allowed' },
    hostile: {
      ...plain,
      frame: hostileFrame,
      organization: '<script>alert(1)</script>\u202E',
      requests: [{ ...ada, userId: '"><b>', name: '<img src=x onerror=alert(1)>\u202E', email: '"<b>"@x.example' }],
    },
    long: {
      ...plain,
      frame: longFrame,
      organization: 'D'.repeat(100),
      requests: [{ ...ada, name: longFrame.name, email: `${'a'.repeat(64)}@${'b'.repeat(63)}.example` }],
    },
  },
});
