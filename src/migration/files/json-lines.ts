import { readJsonDocument } from './json-document.ts';
import type { Numbered } from './numbered.ts';
import { textOf } from './text.ts';
import { LONGEST_RECORD } from '../limits.ts';

/**
 * One JSON object a line (jsonlines.org), or one list of them. Only a piece of the file is in memory at a time, however long a line
 * is.
 */
export async function* readJsonLines(path: string, encoding?: string): AsyncGenerator<Numbered> {
  if ((await firstLetterOf(path, encoding)) === '[') return yield* readJsonDocument(path, encoding);
  let line = 0;
  for await (const text of linesOf(path, encoding)) {
    line += 1;
    if (text === null) yield { line, record: null, problem: `the line is longer than ${LONGEST_RECORD} letters` };
    else if (text.trim() !== '') yield parsed(line, text);
  }
  return undefined;
}

/** It tells a JSON document from lines and from CSV. */
export async function firstLetterOf(path: string, encoding: string | undefined): Promise<string | undefined> {
  for await (const piece of textOf(path, encoding)) {
    const [letter] = piece.trimStart();
    if (letter !== undefined) return letter;
  }
  return undefined;
}

function parsed(line: number, text: string): Numbered {
  try {
    return { line, record: JSON.parse(text) as unknown };
  } catch {
    return { line, record: null, problem: 'the line is not JSON' };
  }
}

/** Null for a line that is too long. */
async function* linesOf(path: string, encoding: string | undefined): AsyncGenerator<string | null> {
  let rest: string | null = '';
  for await (const text of textOf(path, encoding))
    for (const [at, piece] of text.split('\n').entries()) {
      if (at > 0) {
        yield rest;
        rest = '';
      }
      rest = rest === null || rest.length + piece.length > LONGEST_RECORD ? null : rest + piece;
    }
  if (rest !== '') yield rest;
}
