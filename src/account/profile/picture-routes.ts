import { byUser } from '#audit/module.ts';
import { Router } from '#kernel/http/router.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { readUpload } from '#kernel/http/upload.ts';
import type { OwnPages } from '#oidc/sessions/module.ts';
import { z } from 'zod';
import { LARGEST_PICTURE, type PictureService } from '#directory/users/module.ts';
import { profilePage } from './profile-form.ts';
import { PICTURE_CACHING } from '../limits.ts';

type PictureRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  pictures: PictureService;
};

const PAGE = '/account/profile';
const noFields = form(z.object({}));

/** Routes of profile pictures: upload, removal, and the public address of the picture. */
export function pictureRoutes({ ownPages, pictures }: PictureRouteDependencies): Router<State> {
  const router = new Router<State>();

  router.get('/account/picture/:file', sendPicture);
  router.post('/account/picture', changePicture);
  router.post('/account/picture/remove', removePicture);

  async function sendPicture(ctx: Context): Promise<void> {
    const bytes = await pictures.find(ctx.params['file'] ?? '');
    if (bytes === null) return;
    ctx.type = 'image/webp';
    ctx.set('Cache-Control', PICTURE_CACHING);
    ctx.body = bytes;
  }

  async function changePicture(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { returnTo: PAGE });
    if (person === null) return;
    const upload = await readUpload(ctx, { name: 'picture', limit: LARGEST_PICTURE });
    // A file takes its time to come, and the session may have ended meanwhile.
    if ((await ownPages.require(ctx, { returnTo: PAGE })) === null) return;
    if (upload.kind !== 'file')
      return profilePage.refuse(ctx, PAGE, { pictureProblem: upload.kind === 'none' ? 'required' : 'too_large' });
    const isSaved = await pictures.save(person.userId, upload.bytes, byUser(person.userId, visitorOf(ctx)));
    if (!isSaved) return profilePage.refuse(ctx, PAGE, { pictureProblem: 'no_picture' });
    return seeOther(ctx, `${PAGE}?done=saved`);
  }

  async function removePicture(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { returnTo: PAGE });
    if (person === null) return;
    await noFields.read(ctx);
    await pictures.remove(person.userId, byUser(person.userId, visitorOf(ctx)));
    return seeOther(ctx, `${PAGE}?done=removed`);
  }

  return router;
}
