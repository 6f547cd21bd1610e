import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseSync } from 'oxc-parser';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { eventType, gravities } from '#audit/module.ts';
import { eventTypes, shownEventTypes } from '#app/event-types.ts';
import { languages } from '#kernel/i18n.ts';
import { assertDetails } from '../support/event-details.ts';
import { allLetters } from '../support/letters.ts';

const src = resolve(import.meta.dirname, '../../src');
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const codeOf = new Map(
  files.map((file) => {
    const text = readFileSync(join(src, file), 'utf8');
    return [
      file,
      parseSync(file, text).comments.reduceRight((rest, at) => rest.slice(0, at.start) + rest.slice(at.end), text),
    ];
  }),
);
const isDeclaring = (file: string) => file.endsWith('/events.ts');
/** These name a type because it is written elsewhere. */
const isTelling = (file: string) => /(operations|owner-letters?|notices|-view)\.ts$/.test(file);
const migrations = resolve(src, '../migrations');
const declared = [...codeOf]
  .filter(([file]) => isDeclaring(file))
  .flatMap(([, code]) =>
    [...code.matchAll(/export const (\w+) = eventType\(\{\s*name: '([^']+)'/g)].map(([, variable, name]) => ({
      variable: variable!,
      name: name!,
    })),
  );
const names = eventTypes.map(({ name }) => name);

describe('the catalogue', () => {
  test('joins the types of all slices, each name once', () => {
    expect(names.length).toBeGreaterThan(75);
    expect(new Set(names).size).toBe(names.length);
    expect(names.toSorted()).toEqual(declared.map(({ name }) => name).toSorted());
  });

  test('names each type by a noun and a past participle, and the variable like the type', () => {
    const participle = /^[a-z]+(_[a-z]+)*\.([a-z]+_)*([a-z]+ed|given|left|made|set|reset|(re)?sent)(_in|_by_owner)?$/;
    expect(names.filter((name) => !participle.test(name))).toEqual([]);
    const camel = (name: string) => name.replaceAll(/[._]([a-z])/g, (_, letter: string) => letter.toUpperCase());
    expect(declared.filter(({ variable, name }) => variable !== camel(name))).toEqual([]);
  });

  test('contains no unused type', () => {
    const writing = [...codeOf]
      .filter(([file]) => !isDeclaring(file) && !isTelling(file))
      .map(([, code]) => code.replaceAll(/^import [^;]*;$/gm, ''));
    const once = readdirSync(migrations).map((file) => readFileSync(join(migrations, file), 'utf8'));
    const isWritten = ({ variable, name }: { variable: string; name: string }) =>
      writing.some((code) => new RegExp(String.raw`\b${variable}\b(?!\.name)`).test(code)) ||
      once.some((migration) => migration.includes(`'${name}'`));
    expect(declared.filter((type) => !isWritten(type))).toEqual([]);
  });

  test('names letters that exist', async () => {
    const letters = new Set((await allLetters()).map(({ letter }) => letter.name));
    expect(eventTypes.flatMap(({ letter }) => letter ?? []).filter((letter) => !letters.has(letter))).toEqual([]);
  });

  test('has texts in every language for types that the user sees, and for no others', () => {
    const told = shownEventTypes.filter(({ audience }) => audience.includes('person')).map(({ name }) => name);
    for (const language of Object.keys(languages)) {
      const worded = Object.keys(
        JSON.parse(readFileSync(join(src, `../views/locales/${language}/account.json`), 'utf8')),
      )
        .filter((key) => key.startsWith('account.event.'))
        .map((key) => key.slice('account.event.'.length));
      expect(worded.toSorted(), language).toEqual(told.toSorted());
    }
  });

  test('shows every type to the operator, and mails only types about an account', () => {
    expect(eventTypes.filter(({ audience }) => !audience.includes('operator'))).toEqual([]);
    const told = eventTypes.filter(
      ({ letter, audience, name }) => letter !== null && name !== 'user.erased' && !audience.includes('person'),
    );
    expect(told).toEqual([]);
  });

  test('decides in one place whether the owner is notified, and every mail in it is sent there', () => {
    const told = eventTypes.filter(({ letter }) => letter !== null).map(({ name }) => name);
    const asking = [...codeOf].filter(([, code]) => /\btellOwner\(\s*(this\.#deps|deps), em, /.test(code));
    expect(asking).toHaveLength(5);
    // The recovery of a password is told by what set the password, which hands over the type that it records.
    const handing = [
      ...asking.map(([, code]) => code),
      codeOf.get(files.find((file) => file.endsWith('/new-passwords.ts'))!)!,
    ].join('\n');
    const { variable: unsent = null } =
      declared.find(
        ({ variable, name }) => told.includes(name) && !new RegExp(String.raw`\b${variable}\b`).test(handing),
      ) ?? {};
    expect(unsent).toBeNull();
    const past = /\bletters\.send\(\s*(factorLetter|changeLetter|changedLetter|noticeLetter|newSignInLetter)\b/;
    expect([...codeOf].filter(([, code]) => past.test(code)).map(([file]) => file)).toEqual([]);
  });

  test('names events of CAEP 1.0 and RISC 1.0 by their URIs', () => {
    const specified = {
      caep: [
        'session-revoked',
        'token-claims-change',
        'credential-change',
        'assurance-level-change',
        'device-compliance-change',
        'session-established',
        'session-presented',
        'risk-level-change',
      ],
      risc: [
        'account-credential-change-required',
        'account-purged',
        'account-disabled',
        'account-enabled',
        'identifier-changed',
        'identifier-recycled',
        'credential-compromise',
        'opt-in',
        'opt-out-initiated',
        'opt-out-cancelled',
        'opt-out-effective',
        'recovery-activated',
        'recovery-information-changed',
      ],
    };
    const uris = new Set(
      Object.entries(specified).flatMap(([profile, each]) =>
        each.map((name) => `https://schemas.openid.net/secevent/${profile}/event-type/${name}`),
      ),
    );
    const named = eventTypes.flatMap(({ caep }) => caep ?? []);
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((uri) => !uris.has(uri))).toEqual([]);
  });

  test('lets no webhook carry what a visitor without an account can cause at will', () => {
    const atWill =
      /^(user\.(sign_in_failed|sign_in_code_sent|password_reset_requested)|client\.authentication_failed|waitlist\.joined)$/;
    expect(eventTypes.filter(({ name, webhook }) => webhook && atWill.test(name))).toEqual([]);
    expect(names.filter((name) => atWill.test(name))).toHaveLength(5);
  });

  test('uses every gravity', () => {
    expect(new Set(eventTypes.map(({ gravity }) => gravity))).toEqual(new Set(Object.keys(gravities)));
  });
});

describe('an event type', () => {
  const happened = eventType({
    name: 'thing.done',
    text: 'A thing was done.',
    details: z.strictObject({ left: z.number(), tags: z.array(z.string()), why: z.string().optional() }),
    audience: ['operator'],
    gravity: 'info',
    webhook: false,
  });
  const bare = eventType({
    name: 'thing.left',
    text: 'A thing was left.',
    audience: ['operator'],
    gravity: 'info',
    webhook: false,
  });
  const actor = { type: 'system' } as const;

  test('creates its events', () => {
    const tags: readonly string[] = ['a'];
    expect(happened({ actor, details: { left: 1, tags } })).toEqual({
      actor,
      details: { left: 1, tags },
      type: happened,
    });
    const { name, letter, caep } = happened;
    expect({ name, letter, caep }).toEqual({ name: 'thing.done', letter: null, caep: null });
    expect(bare({ actor })).toEqual({ actor, type: bare });
  });

  type Details<Type extends (particulars: never) => unknown> = Parameters<Type>[0] extends { details?: infer D }
    ? D
    : never;
  type Takes<Type extends (particulars: never) => unknown, Given> = Given extends Details<Type> ? true : false;
  /** Read by the compiler: one that says another thing than it finds fails `npm run types`. */
  const compiled: readonly (readonly [title: string, isTaken: boolean])[] = [
    ['all members', true satisfies Takes<typeof happened, { left: 1; tags: string[] }>],
    ['an optional one too', true satisfies Takes<typeof happened, { left: 1; tags: string[]; why: string }>],
    ['one member missing', false satisfies Takes<typeof happened, { left: 1 }>],
    ['a member of another type', false satisfies Takes<typeof happened, { left: '1'; tags: string[] }>],
    ['a member where there are none', false satisfies Takes<typeof bare, { left: 1 }>],
  ];
  const values: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    'all members': { left: 1, tags: ['a'] },
    'an optional one too': { left: 1, tags: ['a'], why: 'so' },
    'one member missing': { left: 1 },
    'a member of another type': { left: '1', tags: ['a'] },
    'a member where there are none': { left: 1 },
  };

  test.each(compiled)(
    'takes or refuses details with %s, the compiler and the check of the tests alike',
    (title, isTaken) => {
      const type = title === 'a member where there are none' ? bare : happened;
      const check = () => assertDetails({ actor, type, details: values[title]! });
      if (isTaken) expect(check).not.toThrow();
      else expect(check).toThrow(`the details of ${type.name} are not as declared`);
    },
  );

  test('is checked for members outside the schema in a variable', () => {
    const details = { left: 1, tags: [], more: 2 };
    expect(() => assertDetails(happened({ actor, details }))).toThrow('the details of thing.done are not as declared');
  });
});
