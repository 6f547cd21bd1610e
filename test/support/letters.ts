/** Every letter with every sample of it, as the tests of all letters and the gallery see them. */
import { globSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { defaultBrand, type Brand } from '#kernel/brand.ts';
import { createLetters, type Letter, type Letters } from '#kernel/mail/letters.ts';
import { createTexts, type Texts, type TextTemplate } from '#kernel/sms/texts.ts';

export type LetterSample = { letter: Letter<object>; name: string; slug: string; context: object };

const source = resolve(import.meta.dirname, '../../src');

/** A letter that nobody lists is found all the same: every export of a `*-letter.ts` or `*-letters.ts` counts. */
export async function allLetters(): Promise<readonly LetterSample[]> {
  const samples: LetterSample[] = [];
  for (const file of globSync('**/*-{letter,letters}.ts', { cwd: source }).toSorted()) {
    const exported = (await import(join(source, file))) as Readonly<Record<string, unknown>>;
    for (const letter of Object.values(exported).filter(isLetter))
      for (const [name, context] of Object.entries(letter.letterSamples)) {
        const slug = `${letter.name.replaceAll('/', '-')}--${name.replaceAll(/[^a-z0-9]+/gi, '-')}`;
        samples.push({ letter, name, slug, context });
      }
  }
  return samples;
}

function isLetter(value: unknown): value is Letter<object> {
  return typeof value === 'object' && value !== null && 'letterSamples' in value;
}

export function strictLetters(inspect: (key: string) => void = () => {}, brand: Brand = defaultBrand): Letters {
  const mailer = {
    async send() {
      throw new Error('letters are only rendered here');
    },
  };
  return createLetters({ mailer, brand: () => brand, issuer: 'https://id.example.com', inspect });
}

export type TextSample = { template: TextTemplate<object>; name: string; slug: string; context: object };

/** Every text message, found as letters are: they stand in the `*-letters.ts` of their slice. */
export async function allTexts(): Promise<readonly TextSample[]> {
  const samples: TextSample[] = [];
  for (const file of globSync('**/*-letters.ts', { cwd: source }).toSorted()) {
    const exported = (await import(join(source, file))) as Readonly<Record<string, unknown>>;
    for (const template of Object.values(exported).filter(isText))
      for (const [name, context] of Object.entries(template.textSamples)) {
        const slug = `${template.name.replaceAll('/', '-')}-sms--${name.replaceAll(/[^a-z0-9]+/gi, '-')}`;
        samples.push({ template, name, slug, context });
      }
  }
  return samples;
}

function isText(value: unknown): value is TextTemplate<object> {
  return typeof value === 'object' && value !== null && 'textSamples' in value;
}

export function strictTexts(inspect: (key: string) => void = () => {}, brand: Brand = defaultBrand): Texts {
  const sms = {
    isOn: () => true,
    reaches: () => true,
    async send() {
      throw new Error('texts are only rendered here');
    },
  };
  return createTexts({ sms, brand: () => brand, issuer: new URL('https://id.example.com'), inspect });
}
