/** Forms with a file (multipart/form-data, RFC 7578): one file, bounded, and read after the token of the form. */
import { Busboy } from '@fastify/busboy';
import { AppError } from '../errors.ts';
import { readBody } from './body.ts';
import type { Context } from './context.ts';
import { requireOwnForm } from './csrf.ts';
import { LARGEST_UPLOAD_FRAME, LONGEST_UPLOAD_FIELD, MOST_UPLOAD_FIELDS } from './limits.ts';

type Upload = { kind: 'file'; bytes: Buffer } | { kind: 'none' } | { kind: 'too_large' };

/** Bytes of a form with a file of at most `limit` bytes: a body above twice the limit is not read to the end. */
export const uploadBodyLimit = (limit: number): number => 2 * limit + LARGEST_UPLOAD_FRAME;

/**
 * The file of the field `name`. Throws AppError: 403 when the form is not from a page of ours, 400 and 415 for what is no such
 * form, 413 when it is larger than twice the limit, which is not read to the end.
 */
export async function readUpload(ctx: Context, { name, limit }: { name: string; limit: number }): Promise<Upload> {
  requireOwnForm(ctx);
  if (!ctx.is('multipart/form-data')) throw refused(415, 'Send the file as multipart/form-data.');
  const body = await readBody(ctx, uploadBodyLimit(limit));
  const { token, upload } = await parse(ctx.req.headers['content-type'] ?? '', body, name, limit);
  requireOwnForm(ctx, token);
  return upload;
}

function parse(contentType: string, body: Buffer, name: string, limit: number) {
  return new Promise<{ token: string; upload: Upload }>((resolve, reject) => {
    const malformed = (cause?: unknown) => reject(refused(400, 'The form cannot be read.', cause));
    let token = '';
    let upload: Upload = { kind: 'none' };
    try {
      const parser = new Busboy({
        headers: { 'content-type': contentType },
        limits: {
          fields: MOST_UPLOAD_FIELDS,
          fieldSize: LONGEST_UPLOAD_FIELD,
          files: 1,
          fileSize: limit,
          parts: MOST_UPLOAD_FIELDS + 1,
        },
      });
      parser.on('field', (field, value) => {
        if (field === 'csrf') token = value;
      });
      parser.on('file', (field, stream) => {
        const chunks: Buffer[] = [];
        let isLarge = false;
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('limit', () => (isLarge = true));
        stream.on('error', malformed);
        stream.on('end', () => {
          const bytes = Buffer.concat(chunks);
          // A browser sends an empty file where none was chosen.
          if (field !== name || bytes.length === 0) return;
          upload = isLarge ? { kind: 'too_large' } : { kind: 'file', bytes };
        });
      });
      parser.on('error', malformed);
      parser.on('finish', () => resolve({ token, upload }));
      parser.end(body);
    } catch (error) {
      malformed(error);
    }
  });
}

const refused = (status: 400 | 415, message: string, cause?: unknown) =>
  new AppError({ code: 'request.upload_unreadable', status, message, cause });
