import { languages, loadMessages, type Language } from '#kernel/i18n.ts';

const messages = loadMessages();

type Sheet = { brand: string; identifier: string; codes: readonly string[]; madeAt: Date };

/** Recovery codes as a text file. */
export function recoverySheet({ brand, identifier, codes, madeAt }: Sheet, language: Language): string {
  const date = new Intl.DateTimeFormat(languages[language].formats, {
    dateStyle: 'long',
    timeZone: 'UTC',
  }).format(madeAt);
  const head = messages.text(language, 'mfa.codes.sheet', { brand, account: identifier, date });
  // Windows shows lines as lines only with both characters; all others do not mind.
  return [head, '', ...codes, ''].join('\r\n');
}

/** For the samples of the pages that show them. */
export const sampleRecoveryCodes: readonly string[] = [
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
];
