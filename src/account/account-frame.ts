import { AGAIN, type SignedInPerson } from '#oidc/sessions/module.ts';
import { shownAccount, type ShownAccount } from '#directory/users/module.ts';

/** The result of a form on the next page: the word in the address and the sentence at the top. */
export const doneKinds = [
  'saved',
  'removed',
  'signed_out',
  'disconnected',
  'reopened',
  'joined',
  'declined',
  'left',
  'created',
  'let_in',
  'request_declined',
  'linked',
] as const;
type Done = (typeof doneKinds)[number];

/** Values on every account page. */
export type AccountFrame = ShownAccount & {
  /** The primary email address; null for a user without one. */
  email: string | null;
  /** A path of ours, null for the initials. */
  picture: string | null;
  /** The user had to prove who they are; what they had sent before did nothing. */
  isAgain: boolean;
  done: Done | null;
};

export const PICTURE_PATH = '/account/picture/';

/** The common values of an account page: name, email address, picture, and the result of the last form. */
export function accountFrame(
  ctx: { query: Readonly<Record<string, unknown>> },
  { user }: Pick<SignedInPerson, 'user'>,
): AccountFrame {
  const { done } = ctx.query;
  return {
    ...shownAccount(user),
    email: user.email ?? null,
    picture: picturePath(user.profile.picture),
    isAgain: ctx.query[AGAIN] !== undefined,
    done: doneKinds.find((kind) => kind === done) ?? null,
  };
}

/** Pages load nothing from elsewhere, so that a picture is shown when it is ours. */
function picturePath(picture: string | undefined): string | null {
  const path = picture === undefined ? undefined : URL.parse(picture)?.pathname;
  return path?.startsWith(PICTURE_PATH) ? path : null;
}

/** Of the pages in the samples. */
export const sampleFrame: AccountFrame = {
  name: 'Noor Haddad',
  identifier: 'noor@fernway.example',
  email: 'noor@fernway.example',
  picture: null,
  isAgain: false,
  done: null,
};
export const hostileFrame: AccountFrame = {
  ...sampleFrame,
  name: '"><script>alert(1)</script>\u202Erooj',
  identifier: '"<b>"@x.example',
  email: '"<b>"@x.example',
};
export const longFrame: AccountFrame = {
  ...sampleFrame,
  name: 'Adolph Blaine Charles David Earl Frederick Gerald Hubert Irvin John Kenneth Wolfeschlegelsteinhausenbergerdorff',
  identifier: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example`,
  email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example`,
};
/** Of a user with a username and without an email address. */
export const usernameFrame: AccountFrame = { ...sampleFrame, name: null, identifier: 'noor', email: null };
