import { defineEntity, p } from '@mikro-orm/core';
import { User } from './user.ts';

const UserPictureSchema = defineEntity({
  name: 'UserPicture',
  tableName: 'user_picture',
  properties: {
    userId: () =>
      p.manyToOne(User).mapToPk().primary().fieldName('user_id').deleteRule('cascade').updateRule('no action'),
    /** Names the picture in its address; of its bytes and its owner, so that nobody guesses it. */
    name: p.text().unique('user_picture_name_unique'),
    /** WebP of 512 and 256 pixels, drawn by us. */
    large: p.blob().columnType('bytea').$type<Buffer>(),
    small: p.blob().columnType('bytea').$type<Buffer>(),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
export class UserPicture extends UserPictureSchema.class {}
UserPictureSchema.setClass(UserPicture);
