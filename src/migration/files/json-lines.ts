import { createReadStream } from 'node:fs';
import type { Numbered } from './numbered.ts';
import { LONGEST_RECORD } from '../limits.ts';

/** One JSON object a line (jsonlines.org). Only a piece of the file is in memory at a time, however long a line is. */
export async function* readJsonLines(path: string): AsyncGenerator<Numbered> {
  let line = 0;
  for await (const text of linesOf(path)) {
    line += 1;
    if (text === null) yield { line, record: null, problem: `the line is longer than ${LONGEST_RECORD} letters` };
    else if (text.trim() !== '') yield parsed(line, text);
  }
}

function parsed(line: number, text: string): Numbered {
  try {
    return { line, record: JSON.parse(text) as unknown };
  } catch {
    return { line, record: null, problem: 'the line is not JSON' };
  }
}

/** Null for a line that is too long. */
async function* linesOf(path: string): AsyncGenerator<string | null> {
  let rest: string | null = '';
  let isFirst = true;
  for await (const chunk of createReadStream(path, { encoding: 'utf8' })) {
    const pieces: string[] = (isFirst ? String(chunk).replace(/^\ufeff/, '') : String(chunk)).split('\n');
    isFirst = false;
    for (const [at, piece] of pieces.entries()) {
      if (at > 0) {
        yield rest;
        rest = '';
      }
      rest = rest === null || rest.length + piece.length > LONGEST_RECORD ? null : rest + piece;
    }
  }
  if (rest !== '') yield rest;
}
