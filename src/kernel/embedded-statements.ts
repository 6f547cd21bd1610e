/**
 * The embedded engine gets a statement in one message instead of six, and parses and plans a statement with parameters once. A
 * small one takes a quarter of the time.
 *
 * PGlite sends parse, describe, bind, describe, execute and sync one by one, because it needs the types of the parameters before
 * it binds them; each message costs as much as the work itself. Here a statement with parameters is parsed and described once,
 * under a name, and the answer is kept. A statement without any needs no description. The rest is held back and sent together.
 */
import type { PGlite } from '@electric-sql/pglite';

type Send = PGlite['execProtocolStream'];
type Statement = { name: string; described: Awaited<ReturnType<Send>> };

/** Kinds of messages, by their first byte, which their length follows (PostgreSQL, "Message Formats"). */
const code = (letter: string): number => letter.charCodeAt(0);
const PARSE = code('P');
const DESCRIBE = code('D');
const BIND = code('B');
const EXECUTE = code('E');
const SYNC = code('S');
const QUERY = code('Q');
const CLOSE = code('C');
/** A statement is described or closed, not a portal. */
const STATEMENT = code('S');
const HEADER = 5;

const syncMessage = message(SYNC);
/**
 * A text that may change the types of a statement, or forgets prepared statements, lets all be prepared again. So does a rollback,
 * because it may undo such a change. The schema changes only at start, so this is rare.
 */
const changesTypes = /\b(?:create|alter|drop|discard|deallocate|rollback)\b/i;
/** Enough for all of a program, some 40 kB each. Texts that differ each time push out one another. */
const MOST_STATEMENTS = 300;
/** The mapper writes its values into the text: what is there once is not worth a name. */
const takesParameters = /\$\d/;

/** Prepares the statements of this engine, from now on. PGlite runs one statement at a time. */
export function prepareStatements(pglite: PGlite): void {
  if (Object.hasOwn(pglite, 'execProtocolStream')) return;
  const send: Send = pglite.execProtocolStream.bind(pglite);
  const statements = new Map<string, Statement>();
  let named = 0;
  /** Sent ahead of the next statement. */
  const closing: Buffer[] = [];
  /** Of the statement at hand: what it has not sent yet, its text, and its name unless it is empty. */
  let held: Uint8Array[] = [];
  let text = '';
  let name = '';
  let isSynced = false;

  function forget(key: string, statement: Statement): void {
    statements.delete(key);
    closing.push(message(CLOSE, Buffer.from(`S${statement.name}\0`)));
  }

  async function prepared(options: Parameters<Send>[1]): Promise<Statement> {
    const known = statements.get(text);
    statements.delete(text);
    const [longestUnused] = statements;
    if (longestUnused && statements.size >= MOST_STATEMENTS) forget(...longestUnused);
    const statement = known ?? (await prepare(options));
    statements.set(text, statement);
    return statement;
  }

  async function prepare(options: Parameters<Send>[1]): Promise<Statement> {
    const fresh = `s${(named += 1)}`;
    const messages = [
      ...closing.splice(0),
      message(PARSE, Buffer.from(`${fresh}\0`), Buffer.from(text, 'latin1')),
      message(DESCRIBE, Buffer.from(`S${fresh}\0`)),
    ];
    return { name: fresh, described: await send(Buffer.concat(messages), options) };
  }

  pglite.execProtocolStream = async (sent, options) => {
    const [kind] = sent;
    const body = sent.subarray(HEADER);
    if ((kind === PARSE || kind === QUERY) && changesTypes.test(latin1(body)))
      for (const one of statements) forget(...one);
    if (kind === PARSE) {
      // Behind the empty name: the text, and the types that are given.
      text = latin1(body.subarray(1));
      name = '';
      held = [sent];
      isSynced = false;
    } else if (kind === DESCRIBE && body[0] === STATEMENT && takesParameters.test(text)) {
      held = [];
      const statement = await prepared(options);
      name = statement.name;
      return statement.described;
    } else if (kind === BIND) {
      // A description that was not needed is dropped. Behind the empty names of portal and statement: the values.
      held = [...held.slice(0, 1), message(BIND, Buffer.from(`\0${name}\0`), body.subarray(2))];
    } else if (kind === DESCRIBE) held.push(sent);
    else if (kind === EXECUTE || (kind === SYNC && !isSynced)) {
      const messages = [...closing.splice(0), ...held.splice(0), sent];
      isSynced = kind === EXECUTE;
      return send(Buffer.concat(isSynced ? [...messages, syncMessage] : messages), options);
    } else if (kind === SYNC) isSynced = false;
    else {
      // A simple query ends as a sync does, which PGlite sends after it all the same.
      isSynced = kind === QUERY;
      return send(sent, options);
    }
    return [];
  };
}

function message(kind: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(HEADER);
  header[0] = kind;
  header.writeInt32BE(body.length + HEADER - 1, 1);
  return Buffer.concat([header, body]);
}

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
