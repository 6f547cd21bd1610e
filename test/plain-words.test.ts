import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');

/** Files whose English is checked; folders are read with everything in them. */
const scope = [
  'README.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'src',
  'docs',
  'test',
  'bin',
  'views',
  'public',
  '.ci',
  'migrations',
];
const skipped = /(^|\/)(__snapshots__|locales|images|node_modules|\.installed)(\/|$)|test\/plain-words\.test\.ts$/;
const read = new Set(['', '.md', '.ts', '.mjs', '.js', '.njk', '.css']);

const filesIn = (path: string): string[] =>
  (statSync(join(root, path)).isDirectory()
    ? readdirSync(join(root, path), { recursive: true, encoding: 'utf8' }).map((file) => join(path, file))
    : [path]
  ).filter((file) => read.has(extname(file)) && !skipped.test(file) && statSync(join(root, file)).isFile());

const files = scope.flatMap(filesIn);

/** A sentence begins a line, a comment, a list item, a cell or a string, or follows the end of another sentence. */
const beginning = /(?:^\s*(?:(?:\/\/|\/?\*+|#+|-|\d+\.|<!--|\{#)\s*)*|\|\s*|[.:!?]\s+|['"`(*“])/;

const beginningWith = (words: string): RegExp => new RegExp(`${beginning.source}(?:\\*\\*)?(?:${words})(?= )`, 'gm');

const isQuestion = (text: string, at: number): boolean =>
  /[.?!|\n]\s|[.?!]?['"`]|$/.exec(text.slice(at))?.[0][0] === '?';

const lineOf = (text: string, at: number): string =>
  text
    .slice(text.lastIndexOf('\n', at) + 1)
    .split('\n', 1)[0]!
    .trim();

/** The forms that this project does not use, each with the way to say it. */
const forms: [form: string, found: RegExp, allowed?: typeof isQuestion | undefined, skippedFiles?: RegExp][] = [
  [
    'archaic pronouns: name the user, the caller, the client',
    /\b(?:who(?:ever|m|mever)|no\x62ody's|some\x62ody|a\x6eew)\b/gi,
  ],
  [`a sentence that begins with “What i${'s'}”: begin with the noun`, beginningWith(`What i${'s'}`)],
  ['a sentence with a clause as its subject: begin with the noun', beginningWith('What|Who|Whose'), isQuestion],
  ['a noun that is only pointed at: repeat the noun', /\b(?:that|those) o\x66\b/gi],
  ['a conflict of git: resolve it', /^(?:<{7}|>{7}) /gm],
  ['a relative clause after “of”: use two sentences', /\bof (?:which|whose)\b/gi],
  [
    'vague words: name the user or the attacker, and say “with”, “next to”, “in addition to”',
    /\b(?:no\x62ody|be\x73ide)\b/gi,
    undefined,
    /^test\//,
  ],
];

describe('plain words', () => {
  test.each(forms)('%s', (_, found, allowed, skippedFiles) => {
    const checked = files.filter((file) => !skippedFiles?.test(file));
    const hits = checked.flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      return [...text.matchAll(found)]
        .map((match) => match.index + match[0].length)
        .filter((end) => !allowed?.(text, end))
        .map((end) => `${file}: ${lineOf(text, end - 1)}`);
    });
    expect(hits).toEqual([]);
  });

  test('a decision has at most fifteen lines', () => {
    const long = filesIn('docs/decisions').filter(
      (file) => readFileSync(join(root, file), 'utf8').trimEnd().split('\n').length > 15,
    );
    expect(long).toEqual([]);
  });
});
