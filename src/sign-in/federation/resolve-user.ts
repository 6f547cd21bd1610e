import type { UserId } from '#directory/users/module.ts';

/** An account, as far as it matters to a provider's identity. */
type Account = {
  id: UserId;
  isActive: boolean;
  /** Active in the organization of the connection; true for a connection of the instance. */
  isMember: boolean;
  /** Has a role on the instance, so that its rights reach beyond any organization. */
  isPrivileged: boolean;
};

/** All that decides about a user who comes back from an upstream provider. */
export type ArrivalFacts = {
  /** The account that has linked the identity. */
  linked: Account | null;
  /** The account with the email address that the provider gives, where the connection trusts it. `isProved`: its user proved the address here. */
  owner: (Account & { isProved: boolean }) | null;
  /** `foreign`: at the connection of an organization, an address of a domain that the organization does not own. */
  email: 'trusted' | 'untrusted' | 'foreign' | 'none';
  /** The domain of the address demands its connections, or belongs to the organization of this one, and this one is none of them. */
  isBound: boolean;
  connection: {
    isOfOrganization: boolean;
    mayCreateUsers: boolean;
    mayLinkByEmail: boolean;
  };
  /** Whether this visitor may create an account with this address, or with any address where the provider gave none that is trusted. */
  admission: 'admitted' | 'closed' | 'invitation' | 'waitlist' | 'domain';
};

export type Refusal =
  /** The account is disabled. */
  | 'disabled'
  /** The account is not of the organization whose connection this is. */
  | 'not_member'
  /** A connection of an organization signs in no user with rights on the instance. */
  | 'privileged'
  /** An organization vouches for no address of other domains than its own. */
  | 'foreign_domain'
  /** The organization that owns the domain of the address has its users come by a connection of its own. */
  | 'bound'
  /** No account here, and the connection makes none. */
  | 'no_account'
  /** A fresh proof was asked for, and the provider says that its own is old. */
  | 'old_proof'
  /** An account has the address, and the connection does not link by it. */
  | 'address_taken'
  | Exclude<ArrivalFacts['admission'], 'admitted'>;

export type Resolution =
  | { kind: 'sign-in'; userId: UserId }
  /** The account has the address: its user signs in to it in a way of before, and then the identity is linked. */
  | { kind: 'confirm'; userId: UserId }
  /** The account was made with an address that was never proved: the owner of the address takes it over, and nothing that was left in it stays. */
  | { kind: 'claim'; userId: UserId }
  | { kind: 'create' }
  /** The form of a new account asks for an address and proves it. */
  | { kind: 'register' }
  | { kind: 'refused'; reason: Refusal };

/**
 * Decides which account belongs to an identity at an upstream provider. Pure, so that a table can test it. The identity alone identifies:
 * an email address never signs in, and one that the connection does not trust is nothing but a suggestion for a form.
 */
export function resolveUser({ linked, owner, email, isBound, connection, admission }: ArrivalFacts): Resolution {
  if (linked !== null) return refusalOf(linked, connection) ?? { kind: 'sign-in', userId: linked.id };
  if (isBound) return refused('bound');
  if (email === 'foreign') return refused('foreign_domain');
  if (email === 'trusted' && owner !== null) {
    if (!connection.mayLinkByEmail) return refused('address_taken');
    const { id, isProved } = owner;
    // The user who signs in to an account of a domain of the organization joins it thereby.
    const joining = { ...owner, isMember: owner.isMember || connection.mayCreateUsers };
    return refusalOf(joining, connection) ?? { kind: isProved ? 'confirm' : 'claim', userId: id };
  }
  if (!connection.mayCreateUsers) return refused('no_account');
  // The connection of an organization makes its users, also where registration is closed.
  if (connection.isOfOrganization) return email === 'trusted' ? { kind: 'create' } : refused('no_account');
  if (admission !== 'admitted') return refused(admission);
  return { kind: email === 'trusted' ? 'create' : 'register' };
}

function refusalOf(
  { isActive, isMember, isPrivileged }: Account,
  { isOfOrganization }: ArrivalFacts['connection'],
): Resolution | null {
  if (!isActive) return refused('disabled');
  if (isOfOrganization && isPrivileged) return refused('privileged');
  return isMember ? null : refused('not_member');
}

const refused = (reason: Refusal): Resolution => ({ kind: 'refused', reason });
