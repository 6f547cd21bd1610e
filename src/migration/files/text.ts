/** The text of a file: of any encoding, packed by gzip or not, in pieces. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { FileProblem } from './numbered.ts';

/** A first look, before anything is written: throws FileProblem with the line of the first bytes that are not text in the encoding. */
export async function requireText(path: string, encoding: string | undefined): Promise<void> {
  const pieces = textOf(path, encoding);
  // To read is to check.
  while ((await pieces.next()).done !== true);
}

/** The pieces of the text, without a byte order mark. Throws FileProblem. */
export async function* textOf(path: string, encoding: string | undefined): AsyncGenerator<string> {
  const { isPacked, marked } = await beginningOf(path);
  const label = encoding ?? marked ?? 'utf-8';
  const decoder = decoderOf(label);
  const file = createReadStream(path);
  const bytes = isPacked ? file.pipe(createGunzip()) : file;
  if (bytes !== file) file.on('error', (error) => void bytes.destroy(error));
  let line = 1;
  try {
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      const text = decoded(decoder, chunk, () => notText(label, line + linesBefore(chunk, label)));
      line += text.split('\n').length - 1;
      if (text !== '') yield text;
    }
    yield decoded(decoder, undefined, () => notText(label, line));
  } catch (error) {
    if (isPacked && error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))
      throw new FileProblem(`the packed file is damaged: ${error.message}`);
    throw error;
  } finally {
    file.destroy();
  }
}

async function beginningOf(path: string): Promise<{ isPacked: boolean; marked: string | undefined }> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    const [first, second] = buffer;
    const isUtf16 = first === 0xff && second === 0xfe;
    return { isPacked: first === 0x1f && second === 0x8b, marked: isUtf16 ? 'utf-16le' : undefined };
  } finally {
    await file.close();
  }
}

function decoderOf(label: string): TextDecoder {
  try {
    return new TextDecoder(label, { fatal: true });
  } catch {
    throw new FileProblem(
      `--encoding ${label} is not known; known are utf-8, windows-1252, latin1, utf-16le and others`,
    );
  }
}

function decoded(decoder: TextDecoder, chunk: Buffer | undefined, problem: () => FileProblem): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch {
    throw problem();
  }
}

/** How many lines of a chunk are right before the first that is not. */
function linesBefore(chunk: Buffer, label: string): number {
  // The chunk before may have ended within a character.
  let begin = chunk.findIndex((byte) => (byte & 0xc0) !== 0x80);
  for (let line = 0; ; line += 1) {
    const end = chunk.indexOf('\n', begin);
    if (end === -1) return line;
    try {
      decoderOf(label).decode(chunk.subarray(begin, end));
    } catch {
      return line;
    }
    begin = end + 1;
  }
}

const notText = (label: string, line: number): FileProblem =>
  new FileProblem(
    `line ${line} is not ${label.toUpperCase()}; nothing was imported. Give the encoding of the file, for example --encoding windows-1252, latin1 or utf-16le`,
  );
