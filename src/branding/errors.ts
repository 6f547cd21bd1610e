import { AppError } from '#kernel/errors.ts';

/** 422: the uploaded file is not an acceptable logo; `message` gives the reason. */
export const logoRefused = (message: string) => new AppError({ code: 'branding.logo_refused', status: 422, message });

/** 422: the custom CSS contains a forbidden rule; `message` names the line. */
export const stylesheetRefused = (message: string) =>
  new AppError({ code: 'branding.stylesheet_refused', status: 422, message });

/** 422: a brand choice has an invalid value; `message` names the member. */
export const choiceInvalid = (message: string) =>
  new AppError({ code: 'branding.choice_invalid', status: 422, message });

/** 404: no client has this id. */
export const clientUnknown = (clientId: string) =>
  new AppError({ code: 'branding.client_unknown', status: 404, message: `There is no client ${clientId}.` });
