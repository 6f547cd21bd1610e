import type { Config } from '#kernel/config.ts';
import { type ChangeDependencies, EmailChanges } from './email-changes.ts';
import { EmailProofs, type ProofDependencies } from './email-proofs.ts';
import { type NoticeDependencies, ContactNotices } from './notices.ts';
import { type PhoneChangeDependencies, PhoneChanges } from './phone-changes.ts';
import { type PhoneDependencies, PhoneProofs } from './phone-proofs.ts';

type Dependencies = Omit<ProofDependencies, 'notices' | 'issuer'> &
  Omit<ChangeDependencies, 'notices'> &
  Omit<PhoneDependencies, 'notices'> &
  Omit<PhoneChangeDependencies, 'notices'> &
  Omit<NoticeDependencies, 'issuer'> & { config: Pick<Config, 'issuer'> };

/** Proofs and changes of addresses and numbers, which mail links and codes: made after the credentials that keep those. */
export function createContactProofs({ config, ...dependencies }: Dependencies) {
  const { issuer } = config;
  const notices = new ContactNotices({ ...dependencies, issuer });
  return {
    emailProofs: new EmailProofs({ ...dependencies, notices, issuer }),
    emailChanges: new EmailChanges({ ...dependencies, notices }),
    phoneProofs: new PhoneProofs({ ...dependencies, notices }),
    phoneChanges: new PhoneChanges({ ...dependencies, notices }),
  };
}
