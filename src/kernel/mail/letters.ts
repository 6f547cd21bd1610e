/**
 * Letters. Each mail is declared once, like a page: a type, samples, and three templates of one name,
 * `views/<slice>/mail/<name>.{subject,text,html}.njk`. Words, brand, language and direction come from here.
 */
import { type Brand, cornersOf } from '../brand.ts';
import type { EntityManager } from '../database.ts';
import { languages, loadMessages, type Language } from '../i18n.ts';
import type { Mail, Mailer } from '../mail.ts';
import { compileTemplates, strict } from '../views/templates.ts';
import { everyWords, momentsIn } from '../views/words.ts';
import { paletteOf } from './letter-colors.ts';

/** A letter: its templates `<slice>/<name>`, and contexts that it must survive, the ugly ones among them. */
export type Letter<C extends object> = { readonly name: string; readonly letterSamples: Readonly<Record<string, C>> };

/** Declares a mail: the name of its three templates and the samples for tests and gallery. */
export function letter<C extends object>(
  name: `${string}/${string}`,
  { samples }: { samples: Readonly<Record<string, C>> },
): Letter<C> {
  return { name, letterSamples: samples };
}

type LetterText = Pick<Mail, 'subject' | 'text' | 'html'>;

/** Recipient, language, and all other data of a mail except its text. `timeZone`: of the recipient, where it is known; UTC elsewhere. */
type Sending<C extends object> = Omit<Mail, keyof LetterText> & {
  language: Language;
  timeZone?: string | undefined;
  context: C;
};

export type Letters = {
  render<C extends object>(letter: Letter<C>, context: NoInfer<C>, language: Language, timeZone?: string): LetterText;
  /**
   * Above the limits nothing is sent, and the response does not reveal it. False when a limit held it back.
   *
   * @throws AppError mail.address_invalid
   */
  send<C extends object>(letter: Letter<C>, sending: Sending<NoInfer<C>>, em?: EntityManager): Promise<boolean>;
};

type LettersOptions = {
  mailer: Mailer;
  /** Asked at each letter: the operator may change it while we run. */
  brand: () => Brand;
  /** Before the paths of pages and files: mails are read elsewhere, so every address in them is a whole one. */
  issuer: string;
  /** Report of each message key that a letter uses. With it a context refuses names that it does not have, also in an `if`. */
  inspect?: (key: string) => void;
};

/** Creates the renderer of mails. Its `send` writes a job in the caller's transaction. */
export function createLetters({ mailer, brand, issuer, inspect }: LettersOptions): Letters {
  const globals = { spaced };
  const html = compileTemplates('html', globals);
  const plain = compileTemplates('plain', globals);
  const messages = loadMessages();
  const htmlWords = everyWords(messages, 'letter', inspect);
  const plainWords = everyWords(messages, 'plain', inspect);

  function render<C extends object>(
    { name }: Letter<C>,
    context: C,
    language: Language,
    timeZone?: string,
  ): LetterText {
    const present = brand();
    const frame = {
      letter: inspect ? strict(clean(context)) : clean(context),
      brand: present,
      colors: paletteOf(present),
      corners: cornersOf(present),
      issuer,
      language,
      direction: languages[language].direction,
    };
    const moment = timeZone === undefined ? null : momentsIn(timeZone, language);
    const inZone = moment === null ? {} : { moment };
    const template = name.replace(/\/(?=[^/]+$)/, '/mail/');
    const subject = plain
      .render(`${template}.subject.njk`, { ...frame, ...plainWords.get(language), ...inZone })
      .trim();
    const text = plain.render(`${template}.text.njk`, { ...frame, ...plainWords.get(language), ...inZone });
    return {
      subject,
      text: `${text
        .replaceAll(/[ \t]+$/gm, '')
        .replaceAll(/\n{3,}/g, '\n\n')
        .trim()}\n`,
      html: html.render(`${template}.html.njk`, { ...frame, ...htmlWords.get(language), ...inZone, subject }),
    };
  }

  return {
    render,
    async send(letter, { context, language, timeZone, ...envelope }, em) {
      return mailer.send({ ...envelope, ...render(letter, context, language, timeZone) }, em);
    },
  };
}

/** Foreign text stays on its line and in its direction: a name must not be able to write a paragraph of its own. */
function clean<T>(value: T): T {
  if (typeof value === 'string')
    return value
      .replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
      .replaceAll(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '') as T;
  if (Array.isArray(value)) return value.map((item) => clean<unknown>(item)) as T;
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, clean<unknown>(member)])) as T;
}

/**
 * `481 920`: the digits of a code in two groups. The space between does not break, and between digits it does not turn
 * them round in a text from right to left either.
 */
const spaced = (code: string): string => code.replace(/^(\d{3,4})(?=\d{3,4}$)/, '$1\u00a0');
