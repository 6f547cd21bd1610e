import { AppError } from '#kernel/errors.ts';

export const logoRefused = (message: string) => new AppError({ code: 'branding.logo_refused', status: 422, message });

export const stylesheetRefused = (message: string) =>
  new AppError({ code: 'branding.stylesheet_refused', status: 422, message });

export const choiceInvalid = (message: string) =>
  new AppError({ code: 'branding.choice_invalid', status: 422, message });

export const clientUnknown = (clientId: string) =>
  new AppError({ code: 'branding.client_unknown', status: 404, message: `There is no client ${clientId}.` });
