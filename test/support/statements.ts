/**
 * The statements of a run on the embedded database, to be planned on a server afterwards: `recordStatements` collects their texts,
 * `node test/support/plan-statements.ts FOLDER` has the server of TEST_DATABASE_URL plan each.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';

/** A folder; without it nothing is recorded. */
const folder = process.env['TEST_STATEMENTS'];
/** Texts with their values removed, of this process. */
const known = new Set<string>();

/** Kinds of messages, by their first byte (PostgreSQL, "Message Formats"). */
const PARSE = 'P'.charCodeAt(0);
const QUERY = 'Q'.charCodeAt(0);
const values = /'(?:[^']|'')*'|\b\d+\b/g;
/** Whether a statement can be planned: it reads or changes rows. */
const planned = /^\s*(?:select|insert|update|delete|with)\b/i;

/** Tests of error messages send these, which no server takes. */
const wrongOnPurpose = /\bselekt\b|\bcomplain\(/;

/** Appends each text that this process has not sent before to a file of the folder, one line of JSON each. */
export function recordStatements(pglite: PGlite): void {
  if (folder === undefined) return;
  const send = pglite.execProtocolRaw.bind(pglite);
  pglite.execProtocolRaw = (sent, options) => {
    for (const text of textsOf(Buffer.from(sent.buffer, sent.byteOffset, sent.length))) record(folder, text);
    return send(sent, options);
  };
}

function* textsOf(sent: Buffer): Generator<string> {
  for (let at = 0; at + 5 <= sent.length; at += 1 + sent.readInt32BE(at + 1)) {
    const isParse = sent[at] === PARSE;
    if (!isParse && sent[at] !== QUERY) continue;
    // Of a statement that is parsed, its name comes first. Each text ends with a zero byte.
    const begin = isParse ? sent.indexOf(0, at + 5) + 1 : at + 5;
    yield sent.toString('utf8', begin, sent.indexOf(0, begin));
  }
}

function record(into: string, text: string): void {
  if (!planned.test(text) || wrongOnPurpose.test(text)) return;
  const key = text.replaceAll(values, '?').replaceAll(/\?(?:\s*,\s*\?)+/g, '?');
  if (known.has(key)) return;
  known.add(key);
  appendFileSync(join(into, `${process.pid}.jsonl`), `${JSON.stringify(text)}\n`);
}
