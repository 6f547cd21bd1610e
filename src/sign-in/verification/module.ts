/**
 * verification: the step of a sign-in that asks for proof of the primary email address, and the undo link of a changed one.
 *
 * Owns    views/sign-in/verification and their forms.
 * Leaves  links, codes and changes to directory/contacts, the pages of the account to account/contacts.
 * URLs    /interaction/:uid/verify-email, /verification/{revert,reverted}.
 */
import type { SignInStep } from '#sign-in/interaction/module.ts';
import type { Config } from '#kernel/config.ts';
import { mailedLink } from '#kernel/http/mailed-link.ts';
import type { EmailChanges, EmailProofs } from '#directory/contacts/module.ts';
import { revertRoutes } from './revert-routes.ts';
import { stepRoutes } from './step-routes.ts';
import { verificationRequirements } from './verification-requirements.ts';
import { type Mount, READ, READ_AND_SEND } from '#kernel/http/mounts.ts';

export type Dependencies = {
  config: Pick<Config, 'issuerUrl'>;
  emailProofs: EmailProofs;
  emailChanges: EmailChanges;
};

/** Creates the sign-in step that verifies the email address. */
export function createVerification({ config: { issuerUrl }, emailProofs, emailChanges }: Dependencies): SignInStep {
  return {
    name: 'verification',
    requirements: verificationRequirements,
    routes: (interactions) => [
      stepRoutes({ interactions, emailProofs, link: mailedLink(issuerUrl, 'verify') }),
      revertRoutes({ emailChanges, link: mailedLink(issuerUrl, 'revert') }),
    ],
  };
}

/** In addition to the page below /interaction. */
export const verificationMounts: readonly Mount[] = [
  { path: '/verification/revert', audience: 'page', methods: READ },
  { path: '/verification/revert/*', audience: 'page', methods: READ_AND_SEND },
  { path: '/verification/reverted', audience: 'page', methods: READ },
];
