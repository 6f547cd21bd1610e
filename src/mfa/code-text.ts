import { textTemplate } from '#kernel/sms/texts.ts';

/** The same as a text message. */
type SecondFactorCodeText = { code: string };

export const secondFactorCodeText = textTemplate<SecondFactorCodeText>('mfa/code', {
  samples: { plain: { code: '481920' } },
});
