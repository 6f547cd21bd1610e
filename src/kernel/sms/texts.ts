/**
 * Texts of text messages, declared as letters are: a type, samples, one template, `views/<slice>/sms/<name>.text.njk`. Where the
 * context has a `code`, the last line binds it to our origin, so that a telephone fills it in nowhere else.
 */
import type { Brand } from '../brand.ts';
import type { EntityManager } from '../database.ts';
import { loadMessages, type Language } from '../i18n.ts';
import { compileTemplates, strict } from '../views/templates.ts';
import { everyWords } from '../views/words.ts';
import type { Sms, TextMessage } from './sms.ts';

export type TextTemplate<C extends object> = {
  readonly name: string;
  readonly textSamples: Readonly<Record<string, C>>;
};

/** Declares a text message: the name of its template and the samples for tests and gallery. */
export function textTemplate<C extends object>(
  name: `${string}/${string}`,
  { samples }: { samples: Readonly<Record<string, C>> },
): TextTemplate<C> {
  return { name, textSamples: samples };
}

type TextSending<C extends object> = Omit<TextMessage, 'text'> & { language: Language; context: C };

export type Texts = Pick<Sms, 'isOn' | 'reaches'> & {
  render<C extends object>(template: TextTemplate<C>, context: NoInfer<C>, language: Language): string;
  /**
   * Where the policy says no, and above the limits, nothing is sent, and the response does not reveal it. False when a limit held it back.
   *
   * @throws AppError sms.number_invalid
   */
  send<C extends object>(
    template: TextTemplate<C>,
    sending: TextSending<NoInfer<C>>,
    em?: EntityManager,
  ): Promise<boolean>;
};

type Options = {
  sms: Sms;
  /** Asked at each text: the operator may change it while we run. */
  brand: () => Brand;
  issuer: URL;
  /** Report of each message key that a text uses. With it a context refuses names that it does not have. */
  inspect?: (key: string) => void;
};

/** Creates the renderer of text messages. Its `send` writes a job in the caller's transaction. */
export function createTexts({ sms, brand, issuer, inspect }: Options): Texts {
  const templates = compileTemplates('plain', {});
  const words = everyWords(loadMessages(), 'plain', inspect);

  function render<C extends object>({ name }: TextTemplate<C>, context: C, language: Language): string {
    const text = templates.render(`${name.replace(/\/(?=[^/]+$)/, '/sms/')}.text.njk`, {
      ...words.get(language),
      sms: inspect ? strict(context) : context,
      brand: brand(),
    });
    const { code } = context as { code?: unknown };
    // https://wicg.github.io/sms-one-time-codes/: the last line, `@host #code`.
    return code === undefined ? text.trim() : `${text.trim()}\n\n@${issuer.hostname} #${String(code)}`;
  }

  return {
    isOn: () => sms.isOn(),
    reaches: (number) => sms.reaches(number),
    render,
    async send(template, { context, language, ...envelope }, em) {
      return sms.send({ ...envelope, text: render(template, context, language) }, em);
    },
  };
}
