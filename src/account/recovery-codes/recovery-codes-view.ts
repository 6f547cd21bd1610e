import { sampleRecoveryCodes } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';
import { type AccountFrame, hostileFrame, longFrame, sampleFrame } from '../account-frame.ts';

/** Before codes are made: button `action=continue`. */
type MakeCodesPage = { frame: AccountFrame; codes: { left: number; madeAt: Date } | null };
/** Codes that were made a moment ago. Field: `saved`; button `action=continue`. */
type ShowCodesPage = { frame: AccountFrame; codes: readonly string[]; madeAt: Date; isUnsaved: boolean };

const day = new Date('2026-11-22T10:31:00Z');
const make: MakeCodesPage = { frame: sampleFrame, codes: null };
const shown: ShowCodesPage = {
  frame: sampleFrame,
  codes: sampleRecoveryCodes,
  madeAt: day,
  isUnsaved: false,
};

export const makeCodesView = view<MakeCodesPage>('account/recovery-codes/make-codes.njk', {
  samples: {
    plain: make,
    'in place of others': { ...make, codes: { left: 2, madeAt: day } },
    hostile: { ...make, frame: hostileFrame },
    long: { ...make, frame: longFrame },
  },
});

export const showCodesView = view<ShowCodesPage>('account/recovery-codes/show-codes.njk', {
  samples: {
    plain: shown,
    'not said to be saved': { ...shown, isUnsaved: true },
    hostile: { ...shown, frame: hostileFrame },
    long: { ...shown, frame: longFrame },
  },
});
