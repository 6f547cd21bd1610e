import { errorType } from '#kernel/errors.ts';

/** 422: a setting is unknown or has an invalid value; `text` gives the reason. */
export const settingInvalid = errorType({ code: 'settings.invalid', status: 422, message: (text: string) => text });
