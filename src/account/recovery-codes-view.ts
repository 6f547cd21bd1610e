import { view } from '#kernel/views.ts';
import { type AccountFrame, hostileFrame, longFrame, sampleFrame } from './account-frame.ts';

/** Before codes are made: button `action=continue`. */
type MakeCodesPage = { frame: AccountFrame; codes: { left: number; madeAt: Date } | null };
/** Codes that were made a moment ago. Field: `saved`; button `action=continue`. */
type ShowCodesPage = { frame: AccountFrame; codes: readonly string[]; madeAt: Date; isUnsaved: boolean };

const day = new Date('2026-11-22T10:31:00Z');
const make: MakeCodesPage = { frame: sampleFrame, codes: null };
const shown: ShowCodesPage = {
  frame: sampleFrame,
  codes: [
    'k7mv2-qxhr4-tdw9p',
    'c3h8z-nbfy7-v2gs6',
    'jkrc9-pw4mt-xy3hd',
    '8vqnt-6bk5z-rgf4x',
    'j7csw-m2qn9-hdpw8',
    'rv3ty-k5x2b-9mzqd',
    'p4w7h-t1c8n-fk6vs',
    '2gz5r-d9xjm-b3qy8',
    'n6tfk-4hw2p-vc7zs',
    'x1m9d-q8rbg-5jt3y',
  ],
  madeAt: day,
  isUnsaved: false,
};

export const makeCodesView = view<MakeCodesPage>('account/make-codes.njk', {
  samples: {
    plain: make,
    'in place of others': { ...make, codes: { left: 2, madeAt: day } },
    hostile: { ...make, frame: hostileFrame },
    long: { ...make, frame: longFrame },
  },
});

export const showCodesView = view<ShowCodesPage>('account/show-codes.njk', {
  samples: {
    plain: shown,
    'not said to be saved': { ...shown, isUnsaved: true },
    hostile: { ...shown, frame: hostileFrame },
    long: { ...shown, frame: longFrame },
  },
});
