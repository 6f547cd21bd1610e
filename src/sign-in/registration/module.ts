/**
 * registration: new accounts and invitations.
 *
 * Owns    the table pending_registration, views/sign-in/registration, the pages that create an account, invitations, the page of
 *         every invitation link; the tasks that make
 *         an account complete: terms, profile, first passkey.
 * Leaves  users to users, passwords, passkeys and links to credentials, the next step to interaction/next-step, the waitlist to
 *         waitlist, invitations to organizations to directory/invitations.
 * URLs    /interaction/:uid/{create,create/username,create/check,create/link/:link,terms,profile,first-passkey}, /invitation/:link.
 */
import { type PasskeyService, type PasswordService } from '#credentials/module.ts';
import type { Interaction, SignInStep } from '#sign-in/interaction/module.ts';
import { type Clock, HOUR } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import type { Database } from '#kernel/database.ts';
import type { Context } from '#kernel/http/context.ts';
import { browserCookie } from '#kernel/http/cookies.ts';
import { mailedLink } from '#kernel/http/mailed-link.ts';
import { instance, type Policies } from '#settings/module.ts';
import { Admission } from './admission.ts';
import { Applications, type ApplicationsDependencies } from './applications.ts';
import { checkRoutes } from './check-routes.ts';
import { type CreateDependencies, createRoutes } from './create-routes.ts';
import { type FirstPasskeyDependencies, firstPasskeyRoutes } from './first-passkey-routes.ts';
import { type FirstPasswordDependencies, FirstPasswords } from './first-passwords.ts';
import { invitationRoutes, type InvitationRoutesDependencies } from './invitation-routes.ts';
import { InvitationService, type InvitationDependencies } from './invitation-service.ts';
import { type OrganizationalDependencies, OrganizationalInvitations } from './organization-invitation.ts';
import { NewAccounts, type NewAccountsDependencies } from './new-accounts.ts';
import { ProvidedAccounts } from './provided-accounts.ts';
import { PendingRegistrations } from './pending-registration.ts';
import { RegistrationService, type RegistrationDependencies } from './registration-service.ts';
import { registrationRequirements } from './registration-requirements.ts';
import { type TaskDependencies, taskRoutes } from './task-routes.ts';
import { UsernameRegistration } from './username-registration.ts';
import { usernameRoutes } from './username-routes.ts';
import { type Mount, READ_AND_SEND } from '#kernel/http/mounts.ts';

type Made = 'applications' | 'accounts' | 'pending' | 'admission' | 'urlOf';

export type Dependencies = {
  config: Pick<Config, 'issuer' | 'issuerUrl'>;
  clock: Clock;
  database: Database;
  policies: Policies<'registration' | 'profile' | 'signIn' | 'limits' | 'users'>;
  passkeys: Pick<PasskeyService, 'relyingParty'>;
  passwords: PasswordService;
  work: CreateDependencies['work'];
  buttons: CreateDependencies['buttons'];
} & Omit<ApplicationsDependencies, Made | 'passwords'> &
  Omit<NewAccountsDependencies, Made | 'passwords'> &
  Omit<RegistrationDependencies, Made> &
  Omit<InvitationDependencies, Made> &
  Omit<TaskDependencies, Made | 'interactions'> &
  Omit<FirstPasskeyDependencies, Made | 'interactions' | 'passwords' | 'firstPasswords'> &
  Pick<FirstPasswordDependencies, 'accessRevocation'> &
  Omit<OrganizationalDependencies, 'invitations'> &
  Pick<InvitationRoutesDependencies, 'startRegistration' | 'ownPages'>;

/** Creates registration, invitations and the tasks of new users. */
export function createRegistration(dependencies: Dependencies) {
  const { config, clock, database, policies, passkeys, passwords } = dependencies;
  const urlOf = (path: string) => `${config.issuer}${path}`;
  const pending = new PendingRegistrations(clock, database);
  const applications = new Applications(dependencies);
  const accounts = new NewAccounts({ ...dependencies, pending });
  const invitations = new InvitationService({
    ...dependencies,
    applications,
    accounts,
    urlOf,
  });
  const organizational = new OrganizationalInvitations({ ...dependencies, invitations });
  const firstPasswords = new FirstPasswords({ ...dependencies, pending });
  const registration = new RegistrationService({ ...dependencies, applications, accounts, pending, urlOf });
  const usernameRegistration = new UsernameRegistration({ database, applications, accounts });
  const admission = new Admission({ policies, invitations, passkeys });
  const provided = new ProvidedAccounts({ database, admission, applications, accounts, invitations });
  // Long enough for a user who opens the application first, short enough for a shared browser.
  const invitationCookie = browserCookie(config.issuerUrl, 'invitation', { maxAge: HOUR });

  const pages: Omit<CreateDependencies, 'interactions'> = {
    registration,
    invitations,
    admission,
    invitationCookie,
    rules: () => passwords.rules(instance),
    passwordProblem: (...of) => applications.problemOf(...of),
    work: dependencies.work,
    buttons: dependencies.buttons,
  };
  const step: SignInStep = {
    name: 'registration',
    requirements: registrationRequirements,
    routes: (interactions) => {
      const creating: CreateDependencies = { ...pages, interactions };
      return [
        createRoutes(creating),
        usernameRoutes({ ...creating, usernameRegistration }),
        checkRoutes({ ...creating, link: mailedLink(config.issuerUrl, 'create') }),
        invitationRoutes({
          invitations,
          organizational,
          link: mailedLink(config.issuerUrl, 'invitation'),
          invitationCookie,
          startRegistration: dependencies.startRegistration,
          ownPages: dependencies.ownPages,
        }),
        taskRoutes({ ...dependencies, interactions, admission }),
        firstPasskeyRoutes({ ...dependencies, interactions, admission, pending, firstPasswords }),
      ];
    },
  };
  return {
    step,
    pending,
    applications,
    invitations,
    provided,
    invitationCookie,
    /** Where an account can be created in this sign-in; null where this browser's user cannot. */
    createUrl: (ctx: Context, { path }: Interaction): string | null =>
      admission.isOffered(invitationCookie.read(ctx)) ? `${path}/create` : null,
  };
}

/** In addition to the pages below /interaction. */
export const registrationMounts: readonly Mount[] = [
  { path: '/invitation/*', audience: 'page', methods: READ_AND_SEND, getActs: true },
];

export { PendingRegistration } from './pending-registration.ts';
