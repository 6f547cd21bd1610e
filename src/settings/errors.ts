import { errorType } from '#kernel/errors.ts';

/** 422: a setting is unknown or has an invalid value; `text` gives the reason. */
export const settingInvalid = errorType({ code: 'settings.invalid', status: 422, message: (text: string) => text });

/** 404: no setting has this name. */
export const settingNotFound = errorType({
  code: 'settings.not_found',
  status: 404,
  message: (name: string) => `There is no setting ${name}. settings list shows them all.`,
});
