import { AppError } from '#kernel/errors.ts';

export const settingInvalid = (text: string) => new AppError({ code: 'settings.invalid', status: 422, message: text });
