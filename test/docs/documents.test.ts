import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sections } from '#settings/module.ts';
import { createProgram } from '../../src/main/cli-program.ts';

const root = resolve(import.meta.dirname, '../..');
const pages = ['README.md', 'SECURITY.md', 'CHANGELOG.md', 'src/README.md']
  .concat(readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((file) => join('docs', file)))
  .filter((file) => file.endsWith('.md'))
  .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));
const everything = pages.map(({ text }) => text).join('\n');

const { program } = createProgram();
const leaves = program.commands.flatMap((group): [string, string][] =>
  group.commands.length === 0 ? [[group.name(), '']] : group.commands.map((leaf) => [group.name(), leaf.name()]),
);

/** Sections as GitHub names them. */
const sectionsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe('the documents', () => {
  test('docs/README.md leads to every page', () => {
    const links = [...pages.find(({ file }) => file === 'docs/README.md')!.text.matchAll(/\]\(([^)#]+)/g)].map(
      ([, path]) => path,
    );
    const own = readdirSync(join(root, 'docs')).filter((file) => file.endsWith('.md') && file !== 'README.md');
    expect(own.filter((file) => !links.includes(file))).toEqual([]);
  });

  test.each(pages)('$file links to existing sections', ({ file, text }) => {
    const targets = [...text.matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)].map(([, path, section]) => ({
      page: path === '' ? file : join(dirname(file), path!),
      section: section!,
    }));
    const missing = targets.filter(({ page, section }) => {
      const found = pages.find((each) => each.file === page);
      return found !== undefined && !sectionsOf(found.text).includes(section);
    });
    expect(missing).toEqual([]);
  });

  test.each(pages)('$file links to existing files', ({ file, text }) => {
    const targets = [...text.matchAll(/\]\((?!https?:)([^)#]*)(#[^)]*)?\)/g)].map(([, path]) => path!).filter(Boolean);
    expect(targets.filter((path) => !existsSync(join(root, dirname(file), path)))).toEqual([]);
  });

  test.each(leaves)('docs/operations.md names the command %s %s', (group, leaf) => {
    const rows = readFileSync(join(root, 'docs/operations.md'), 'utf8').split('\n');
    const cells = rows.filter((line) => line.startsWith(`| \`${group}`)).map((line) => line.split('|')[1]);
    expect(cells.join(' ')).toMatch(new RegExp(`(\`| )${leaf || group}\``));
  });

  const shown = [
    ...everything.replaceAll('\\\n', ' ').matchAll(/latchkey ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)([^\n`#]*)/g),
  ]
    .map(([, words, rest]) => ({ words: words!.split(' '), rest: rest! }))
    .filter(({ words }) => program.commands.some((group) => group.name() === words[0]));

  test.each(shown)('show existing commands with existing options: $words $rest', ({ words, rest }) => {
    const group = program.commands.find((command) => command.name() === words[0])!;
    const leaf = group.commands.find((command) => command.name() === words[1]) ?? group;
    expect(leaf.commands).toEqual([]);
    const options = leaf.options.map((option) => option.long);
    expect(
      [...rest.matchAll(/ (--[a-z-]+)/g)].map(([, name]) => name).filter((name) => !options.includes(name)),
    ).toEqual([]);
  });

  const set = [...everything.matchAll(/settings set ([a-z]+)\.([A-Za-z]+) +('[^']*'|\S+)/g)].map(
    ([, section, name, value]) => ({
      section: section!,
      name: name!,
      value: value!.replaceAll("'", ''),
    }),
  );

  test.each(set)('change existing settings to valid values: $section.$name $value', ({ section, name, value }) => {
    expect(Object.keys(sections)).toContain(section);
    const schema = sections[section as keyof typeof sections];
    const given = /^([\d[{]|(true|false)$)/.test(value) ? (JSON.parse(value) as unknown) : value;
    expect(Object.keys(schema.shape)).toContain(name);
    // `null` takes a value back.
    expect(schema.safeParse(value === 'null' ? {} : { [name]: given }).error).toBeUndefined();
  });
});
