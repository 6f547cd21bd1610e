import { errorType } from '#kernel/errors.ts';

/** 422: the uploaded file is not an acceptable logo; `message` gives the reason. */
export const logoRefused = errorType({
  code: 'branding.logo_refused',
  status: 422,
  message: (message: string) => message,
});

/** 422: the custom CSS contains a forbidden rule; `message` names the line. */
export const stylesheetRefused = errorType({
  code: 'branding.stylesheet_refused',
  status: 422,
  message: (message: string) => message,
});

/** 422: a brand choice has an invalid value; `message` names the member. */
export const choiceInvalid = errorType({
  code: 'branding.choice_invalid',
  status: 422,
  message: (message: string) => message,
});

/** 404: no client has this id. */
export const clientUnknown = errorType({
  code: 'branding.client_unknown',
  status: 404,
  message: (clientId: string) => `There is no client ${clientId}.`,
});
