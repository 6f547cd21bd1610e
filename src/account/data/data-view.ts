import { view } from '#kernel/views.ts';
import { type AccountFrame, hostileFrame, longFrame, sampleFrame, usernameFrame } from '../account-frame.ts';

type DataPage = { frame: AccountFrame };
/** Field: `email`; button `action=confirm`. */
export type ClosePage = {
  frame: AccountFrame;
  /** Days in which signing in keeps the account; 0: there are none. */
  days: number;
  /** How many apps lose their access. */
  apps: number;
  problem: 'required' | 'different' | 'last_administrator' | 'last_owner' | null;
  /** Names of some organizations that would have no owner. */
  organizations: readonly string[];
};
type ClosedPage = {
  /** When the account goes; null when it has gone. */
  goesAt: Date | null;
};

const close: ClosePage = { frame: sampleFrame, days: 14, apps: 3, problem: null, organizations: [] };

export const dataView = view<DataPage>('account/data/data.njk', {
  samples: {
    plain: { frame: sampleFrame },
    hostile: { frame: hostileFrame },
    long: { frame: longFrame },
  },
});

export const downloadView = view<DataPage>('account/data/download.njk', {
  samples: { plain: { frame: sampleFrame }, hostile: { frame: hostileFrame } },
});

export const closeView = view<ClosePage>('account/data/close.njk', {
  samples: {
    plain: close,
    'without an email address': { ...close, frame: usernameFrame },
    'without an email address, empty': { ...close, frame: usernameFrame, problem: 'required' },
    'without an email address, another name': { ...close, frame: usernameFrame, problem: 'different' },
    'at once': { ...close, days: 0, apps: 1 },
    'one day, nothing connected': { ...close, days: 1, apps: 0 },
    'nothing typed': { ...close, problem: 'required' },
    'something else typed': { ...close, problem: 'different' },
    'the last administrator': { ...close, problem: 'last_administrator' },
    'the only owner': { ...close, problem: 'last_owner', organizations: ['Acme', 'Northwind Traders'] },
    'the only owner, hostile': { ...close, problem: 'last_owner', organizations: ['<script>alert(1)</script>'] },
    hostile: { ...close, frame: hostileFrame },
    long: { ...close, frame: longFrame },
  },
});

export const closedView = view<ClosedPage>('account/data/closed.njk', {
  samples: { plain: { goesAt: new Date('2026-12-06T10:31:00Z') }, 'at once': { goesAt: null } },
});
