import { languages, loadMessages, type Language } from '#kernel/i18n.ts';

const messages = loadMessages();

type Sheet = { brand: string; email: string; codes: readonly string[]; madeAt: Date };

/** Recovery codes as a text file. */
export function recoverySheet({ brand, email, codes, madeAt }: Sheet, language: Language): string {
  const date = new Intl.DateTimeFormat(languages[language].formats, {
    dateStyle: 'long',
    timeZone: 'UTC',
  }).format(madeAt);
  const head = messages.text(language, 'mfa.codes.sheet', { brand, account: email, date });
  // Windows shows lines as lines only with both characters; all others do not mind.
  return [head, '', ...codes, ''].join('\r\n');
}
