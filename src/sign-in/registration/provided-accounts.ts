import { AppError } from '#kernel/errors.ts';
import type { Database } from '#kernel/database.ts';
import { canonicalEmail, type Profile } from '#directory/users/module.ts';
import type { Admission } from './admission.ts';
import type { Applications } from './applications.ts';
import type { InvitationService } from './invitation-service.ts';
import type { NewAccounts, Newcomer } from './new-accounts.ts';

type ProvidedAccountDependencies = {
  database: Pick<Database, 'transaction'>;
  admission: Admission;
  applications: Applications;
  accounts: NewAccounts;
  invitations: Pick<InvitationService, 'accept' | 'find'>;
};

/** An account of what an upstream provider says; `email` is proved there. */
type Provided = {
  email: string;
  profile: Profile;
  /** The connection of an organization makes the account: invitations and limits of registration are for others. */
  isAdmitted: boolean;
};

/**
 * New accounts of users who come back from an upstream provider. Their address is proved there, so that no form and no mail is needed;
 * required fields and terms are tasks of the sign-in, as for every user.
 */
export class ProvidedAccounts {
  readonly #deps: ProvidedAccountDependencies;

  constructor(dependencies: ProvidedAccountDependencies) {
    this.#deps = dependencies;
  }

  /** Whether this visitor may create an account: by the form where there is no `email` yet. `link`: the invitation of this browser. */
  async admit(
    email: string | null,
    link: string | undefined,
  ): Promise<'admitted' | 'closed' | 'invitation' | 'waitlist' | 'domain'> {
    const { admission } = this.#deps;
    const admitted = await admission.decide(email === null ? link : await this.#linkFor(email, link));
    if (admitted.kind !== 'form') return admitted.kind;
    const domain = email?.split('@')[1];
    return domain === undefined || admitted.domains === null || admitted.domains.includes(domain)
      ? 'admitted'
      : 'domain';
  }

  /** After `admit`. `record` links the identity and writes the proof, in the transaction that creates the account. */
  async create(
    uid: string,
    { email, profile, isAdmitted }: Provided,
    link: string | undefined,
    newcomer: Newcomer,
  ): Promise<'created' | 'taken' | 'throttled'> {
    const { database, applications, accounts, invitations } = this.#deps;
    const wish = { method: 'federation', profile, properties: {}, termsVersion: null } as const;
    const invited = isAdmitted ? undefined : await this.#linkFor(email, link);
    if (invited !== undefined) {
      const { kind } = await invitations.accept(uid, invited, { ...wish, password: null }, newcomer);
      if (kind === 'created' || kind === 'taken') return kind;
      if (kind === 'throttled') return 'throttled';
    }
    if (!isAdmitted && (await applications.take(newcomer.by.visitor?.ip)) !== null) return 'throttled';
    try {
      await database.transaction((em) => accounts.create(em, uid, { ...wish, email, passwordHash: null }, newcomer));
      return 'created';
    } catch (error) {
      if (error instanceof AppError && error.code === 'users.email_taken') return 'taken';
      throw error;
    }
  }

  /** The invitation, if it is for this address. */
  async #linkFor(email: string, link: string | undefined): Promise<string | undefined> {
    const invitation = link === undefined ? null : await this.#deps.invitations.find(link);
    return invitation !== null && canonicalEmail(invitation.email) === canonicalEmail(email) ? link : undefined;
  }
}
