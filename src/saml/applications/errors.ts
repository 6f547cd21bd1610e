import { errorType } from '#kernel/errors.ts';
import { listProblems } from '#kernel/operations/input.ts';

type Problems = Readonly<Record<string, string>>;

export const applicationNotFound = errorType({
  code: 'saml.application_not_found',
  status: 404,
  message: 'There is no such application that speaks SAML.',
});
export const entityIdTaken = errorType({
  code: 'saml.entity_id_taken',
  status: 409,
  message: 'Another application has this entity identifier. Change that one, or delete it first.',
});
/** `details` names each member that is wrong. */
export const applicationInvalid = errorType({
  code: 'saml.application_invalid',
  status: 422,
  message: (problems: Problems) => `Correct these members: ${listProblems(problems)}.`,
  details: (problems) => problems,
});
export const metadataRefused = errorType<[problem: string]>({
  code: 'saml.metadata_refused',
  status: 422,
  message: (problem) => `The metadata cannot be used: ${problem}.`,
});
