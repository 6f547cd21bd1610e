/**
 * Puts the code that the tests run into the pages of docs/connect: `npm run docs:connect`. A page names the file in a comment
 * above the block of code, and the block becomes the text of that file.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'docs/connect');
const blocks = /(<!-- (test\/interop\/peers\/\S+) -->\n\n```\w*\n)[\s\S]*?(^```\n)/gm;

/** Every page as it is and as it must be. */
export function connectPages(): { file: string; present: string; wanted: string; sources: string[] }[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.md'))
    .map((file) => {
      const present = readFileSync(join(folder, file), 'utf8');
      const sources: string[] = [];
      const wanted = present.replace(blocks, (_block, before: string, source: string, after: string) => {
        sources.push(source);
        return `${before}${readFileSync(join(root, source), 'utf8').trimEnd()}\n${after}`;
      });
      return { file, present, wanted, sources };
    });
}

/** The words after `latchkey` of the command on a page that creates the client, split as a shell does; none on the index. */
export function clientCommand(page: string): string[] {
  const line = /npx latchkey (client create [\s\S]*?[^\\])\n/.exec(page)?.[1] ?? '';
  return (line.match(/(?:'[^']*'|[^\s\\'])+/g) ?? []).map((word) => word.replaceAll("'", ''));
}

if (import.meta.main)
  for (const { file, present, wanted } of connectPages())
    if (wanted !== present) writeFileSync(join(folder, file), wanted);
