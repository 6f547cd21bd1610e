import { textTemplate } from '#kernel/sms/texts.ts';

/** The code that signs somebody in. */
type CodeText = { code: string };

export const codeText = textTemplate<CodeText>('passwordless/code', { samples: { plain: { code: '402913' } } });
