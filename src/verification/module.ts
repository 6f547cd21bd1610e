/**
 * verification: proofs that an address or a number is a person's.
 *
 * Owns    views/verification, the mails and text messages with links and codes that prove, the step of a sign-in that asks for
 *         it, the change of the first address with the way back.
 * Leaves  keeping links and codes to credentials, addresses and numbers to users, the pages of the account to contacts.
 * URLs    /interaction/:uid/verify-email, /verification/{revert,reverted}.
 */
import type { SignInStep } from '#interaction/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import { mailedLink } from '#kernel/http/mailed-link.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import { type ChangeDependencies, EmailChanges } from './email-changes.ts';
import { EmailProofs, type ProofDependencies } from './email-proofs.ts';
import { ContactNotices } from './notices.ts';
import { type PhoneChangeDependencies, PhoneChanges } from './phone-changes.ts';
import { type PhoneDependencies, PhoneProofs } from './phone-proofs.ts';
import { revertRoutes } from './revert-routes.ts';
import { type StepDependencies, stepRoutes } from './step-routes.ts';
import { verificationRequirements } from './verification-requirements.ts';

export type Dependencies = Omit<ProofDependencies, 'notices' | 'issuer'> &
  Omit<ChangeDependencies, 'notices'> &
  Omit<PhoneDependencies, 'notices'> &
  Omit<PhoneChangeDependencies, 'notices'> &
  Omit<StepDependencies, 'interactions' | 'emailProofs' | 'link'> & {
    config: Pick<Config, 'issuer' | 'issuerUrl'>;
    clock: Clock;
    letters: Pick<Letters, 'send'>;
  };

export function createVerification(dependencies: Dependencies) {
  const { config } = dependencies;
  const { issuer } = config;
  const notices = new ContactNotices({ ...dependencies, issuer });
  const emailProofs = new EmailProofs({ ...dependencies, notices, issuer });
  const emailChanges = new EmailChanges({ ...dependencies, notices });
  const phoneProofs = new PhoneProofs({ ...dependencies, notices });
  const phoneChanges = new PhoneChanges({ ...dependencies, notices });
  const step: SignInStep = {
    name: 'verification',
    requirements: verificationRequirements,
    routes: (interactions) => [
      stepRoutes({ ...dependencies, interactions, emailProofs, link: mailedLink(config.issuerUrl, 'verify') }),
      revertRoutes({ emailChanges, link: mailedLink(config.issuerUrl, 'revert') }),
    ],
  };
  return { emailProofs, emailChanges, phoneProofs, phoneChanges, step };
}

export type { Asker, EmailProofs } from './email-proofs.ts';
export { linkView } from './link-view.ts';
export type { EmailChanges } from './email-changes.ts';
export type { PhoneProofs } from './phone-proofs.ts';
export type { PhoneChanges } from './phone-changes.ts';
