/** Profile pictures of users. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import { pictureInvalid, rightsMissing, tooManyPictures, userNotFound } from '../errors.ts';
import { userPictureChanged, userPictureRemoved } from '../events.ts';
import type { UserId } from '../user.ts';
import type { PictureService } from './picture-service.ts';

type Services = { pictures: Pick<PictureService, 'change' | 'show'> };

const params = { user_id: idSchema('usr') };
const pictureSchema = z.strictObject({
  id: z.string(),
  picture: z.string().nullable().describe('Address of the picture, as the claim picture has it'),
  uploaded_at: timeSchema.nullable().describe('Null for a picture at an address elsewhere'),
});

const readPicture = operation({
  name: 'users.picture.read',
  permission: 'users.read',
  params,
  output: pictureSchema,
  errors: [userNotFound],
  description: 'Show where the profile picture of a user is.',
  command: { words: 'user show-picture' },
  run: async ({ user_id: id }, _by: By, { pictures }: Services) => shown(id, await pictures.show(id)),
});

const updatePicture = operation({
  name: 'users.picture.update',
  permission: 'users.manage',
  params,
  input: z.strictObject({
    content: z
      .base64('must be a file in base64, or null')
      .nullable()
      .describe('PNG, JPEG or WebP picture in base64; null to remove the picture'),
  }),
  output: pictureSchema,
  errors: [userNotFound, rightsMissing, pictureInvalid, tooManyPictures],
  event: userPictureChanged,
  description:
    'Set or remove the profile picture of a user. It is drawn again as a square of 512 pixels, so that a picture of this size is enough: a call of the API takes at most 190 KB, the command 2 MB.',
  example: { content: 'iVBORw0KGgo=' },
  command: { words: 'user picture', file: 'content' },
  run: async ({ user_id: id, content }, by: By, { pictures }: Services) =>
    shown(id, await pictures.change(id, content === null ? null : Buffer.from(content, 'base64'), by)),
});

const deletePicture = operation({
  name: 'users.picture.delete',
  permission: 'users.manage',
  params,
  output: pictureSchema,
  errors: [userNotFound, rightsMissing],
  event: userPictureRemoved,
  description: 'Remove the profile picture of a user.',
  command: { words: 'user remove-picture' },
  run: async ({ user_id: id }, by: By, { pictures }: Services) => shown(id, await pictures.change(id, null, by)),
});

const shown = (
  id: UserId,
  { picture, uploadedAt }: Awaited<ReturnType<PictureService['show']>>,
): z.input<typeof pictureSchema> => ({ id, picture, uploaded_at: uploadedAt?.toISOString() ?? null });

export const pictureOperations = [readPicture, updatePicture, deletePicture];
