import { AppError } from '#kernel/errors.ts';

/** 422: a setting is unknown or has an invalid value; `text` gives the reason. */
export const settingInvalid = (text: string) => new AppError({ code: 'settings.invalid', status: 422, message: text });
