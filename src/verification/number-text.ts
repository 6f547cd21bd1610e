import { textTemplate } from '#kernel/sms/texts.ts';

/** The code that proves a phone number. */
type NumberText = { code: string };

export const numberText = textTemplate<NumberText>('verification/number', { samples: { plain: { code: '402913' } } });
