import { expect, test } from 'vitest';
import { type ArrivalFacts, type Resolution, resolveUser } from '../../../src/sign-in/federation/resolve-user.ts';

type Account = NonNullable<ArrivalFacts['linked']>;
const ada: Account = { id: 'usr_ada', isActive: true, isMember: true, isPrivileged: false };
const eve: Account = { ...ada, id: 'usr_eve' };
const proved = (account: Partial<Account> = {}) => ({ ...eve, ...account, isProved: true });
const unproved = (account: Partial<Account> = {}) => ({ ...eve, ...account, isProved: false });
const disabled = { isActive: false };
const administrator = { isPrivileged: true };
const stranger = { isMember: false };

const instance: ArrivalFacts['connection'] = { isOfOrganization: false, mayCreateUsers: true, mayLinkByEmail: true };
const ofOrganization = { ...instance, isOfOrganization: true };
const closedOrganization = { ...ofOrganization, mayCreateUsers: false };
const unlinking = { ...ofOrganization, mayLinkByEmail: false };
const noNewUsers = { ...instance, mayCreateUsers: false };
const noLinks = { ...instance, mayLinkByEmail: false };
const nobody: ArrivalFacts = {
  linked: null,
  owner: null,
  email: 'trusted',
  isBound: false,
  connection: instance,
  admission: 'admitted',
};

const signIn = { kind: 'sign-in', userId: ada.id } as const;
const confirm = { kind: 'confirm', userId: eve.id } as const;
const claim = { kind: 'claim', userId: eve.id } as const;
const create = { kind: 'create' } as const;
const register = { kind: 'register' } as const;
const refused = (reason: Extract<Resolution, { kind: 'refused' }>['reason']): Resolution => ({
  kind: 'refused',
  reason,
});

const table: readonly (readonly [string, Partial<ArrivalFacts>, Resolution])[] = [
  // The identity is linked: nothing else matters.
  ['linked', { linked: ada }, signIn],
  ['linked, an address of its own', { linked: ada, owner: { ...ada, isProved: true } }, signIn],
  ['linked, the address belongs to another account', { linked: ada, owner: proved() }, signIn],
  ['linked, the address belongs to another account, unproved', { linked: ada, owner: unproved() }, signIn],
  ['linked, no address', { linked: ada, email: 'none' }, signIn],
  ['linked, an address that is not trusted', { linked: ada, email: 'untrusted' }, signIn],
  ['linked, registration is closed', { linked: ada, admission: 'closed' }, signIn],
  ['linked, for the invited', { linked: ada, admission: 'invitation' }, signIn],
  ['linked, no new users', { linked: ada, connection: noNewUsers }, signIn],
  ['linked, no links by address', { linked: ada, connection: noLinks }, signIn],
  ['linked, an administrator', { linked: { ...ada, ...administrator } }, signIn],
  ['linked, disabled', { linked: { ...ada, ...disabled } }, refused('disabled')],
  [
    'linked, disabled, the address belongs to another account',
    { linked: { ...ada, ...disabled }, owner: proved() },
    refused('disabled'),
  ],
  ['linked, disabled administrator', { linked: { ...ada, ...disabled, ...administrator } }, refused('disabled')],
  // A trusted address of an account.
  ['a proved account', { owner: proved() }, confirm],
  ['a proved account, registration is closed', { owner: proved(), admission: 'closed' }, confirm],
  ['a proved account, no new users', { owner: proved(), connection: noNewUsers }, confirm],
  ['a proved account, no links', { owner: proved(), connection: noLinks }, refused('address_taken')],
  ['a proved account, disabled', { owner: proved(disabled) }, refused('disabled')],
  ['a proved account, an administrator', { owner: proved(administrator) }, confirm],
  ['an unproved account', { owner: unproved() }, claim],
  ['an unproved account, registration is closed', { owner: unproved(), admission: 'closed' }, claim],
  ['an unproved account, no new users', { owner: unproved(), connection: noNewUsers }, claim],
  ['an unproved account, no links', { owner: unproved(), connection: noLinks }, refused('address_taken')],
  ['an unproved account, disabled', { owner: unproved(disabled) }, refused('disabled')],
  // An address that the connection does not trust is nothing.
  ['an untrusted address of an account', { owner: proved(), email: 'untrusted' }, register],
  ['an untrusted address of an unproved account', { owner: unproved(), email: 'untrusted' }, register],
  ['an untrusted address of a disabled account', { owner: proved(disabled), email: 'untrusted' }, register],
  ['an untrusted address', { email: 'untrusted' }, register],
  ['an untrusted address, closed', { email: 'untrusted', admission: 'closed' }, refused('closed')],
  ['an untrusted address, no new users', { email: 'untrusted', connection: noNewUsers }, refused('no_account')],
  // No account.
  ['a new user', {}, create],
  ['a new user, no links by address', { connection: noLinks }, create],
  ['a new user without an address', { email: 'none' }, register],
  ['a new user without an address, for the invited', { email: 'none', admission: 'invitation' }, refused('invitation')],
  ['a new user, no new users', { connection: noNewUsers }, refused('no_account')],
  ['a new user, closed', { admission: 'closed' }, refused('closed')],
  ['a new user, for the invited', { admission: 'invitation' }, refused('invitation')],
  ['a new user, a waitlist', { admission: 'waitlist' }, refused('waitlist')],
  ['a new user of another domain', { admission: 'domain' }, refused('domain')],
  ['no new users goes before the waitlist', { connection: noNewUsers, admission: 'waitlist' }, refused('no_account')],
  // The connection of an organization: for its members alone.
  ['a linked member', { linked: ada, connection: ofOrganization }, signIn],
  ['a linked stranger', { linked: { ...ada, ...stranger }, connection: ofOrganization }, refused('not_member')],
  [
    'a linked administrator of the instance',
    { linked: { ...ada, ...administrator }, connection: ofOrganization },
    refused('privileged'),
  ],
  ['a linked member, a foreign address', { linked: ada, email: 'foreign', connection: ofOrganization }, signIn],
  [
    'a linked member, an address of another account',
    { linked: ada, owner: proved(), connection: ofOrganization },
    signIn,
  ],
  ['a linked member, no address', { linked: ada, email: 'none', connection: ofOrganization }, signIn],
  ['a linked member, disabled', { linked: { ...ada, ...disabled }, connection: ofOrganization }, refused('disabled')],
  [
    'a linked stranger who would be created',
    { linked: { ...ada, ...stranger }, email: 'foreign', connection: ofOrganization },
    refused('not_member'),
  ],
  ['the address of a member', { owner: proved(), connection: ofOrganization }, confirm],
  ['the address of a member, no new users', { owner: proved(), connection: closedOrganization }, confirm],
  ['the address of a member, no links', { owner: proved(), connection: unlinking }, refused('address_taken')],
  ['the address of a disabled member', { owner: proved(disabled), connection: ofOrganization }, refused('disabled')],
  ['the address of a stranger, who joins', { owner: proved(stranger), connection: ofOrganization }, confirm],
  [
    'the address of a stranger, no new users',
    { owner: proved(stranger), connection: closedOrganization },
    refused('not_member'),
  ],
  [
    'the address of an administrator',
    { owner: proved(administrator), connection: ofOrganization },
    refused('privileged'),
  ],
  [
    'the address of an administrator, a stranger',
    { owner: proved({ ...administrator, ...stranger }), connection: ofOrganization },
    refused('privileged'),
  ],
  ['the address of an unproved member', { owner: unproved(), connection: ofOrganization }, claim],
  ['the address of an unproved stranger', { owner: unproved(stranger), connection: ofOrganization }, claim],
  [
    'the address of an unproved stranger, no new users',
    { owner: unproved(stranger), connection: closedOrganization },
    refused('not_member'),
  ],
  [
    'the address of an unproved administrator',
    { owner: unproved(administrator), connection: ofOrganization },
    refused('privileged'),
  ],
  [
    'a foreign address of a member',
    { owner: null, email: 'foreign', connection: ofOrganization },
    refused('foreign_domain'),
  ],
  ['a foreign address, no new users', { email: 'foreign', connection: closedOrganization }, refused('foreign_domain')],
  [
    'a foreign address that is bound elsewhere',
    { email: 'foreign', isBound: true, connection: ofOrganization },
    refused('bound'),
  ],
  ['a denied address of the organization', { email: 'untrusted', connection: ofOrganization }, refused('no_account')],
  ['a new user of an organization', { connection: ofOrganization }, create],
  [
    'a new user of an organization, registration is closed',
    { admission: 'closed', connection: ofOrganization },
    create,
  ],
  ['a new user of an organization, for the invited', { admission: 'invitation', connection: ofOrganization }, create],
  ['a new user of an organization, no new users', { connection: closedOrganization }, refused('no_account')],
  [
    'a new user of an organization without an address',
    { email: 'none', connection: ofOrganization },
    refused('no_account'),
  ],
  // The domain of the address demands another connection.
  ['linked, a bound address', { linked: ada, isBound: true }, signIn],
  ['a bound address of a proved account', { owner: proved(), isBound: true }, refused('bound')],
  ['a bound address of an unproved account', { owner: unproved(), isBound: true }, refused('bound')],
  ['a bound address without an account', { isBound: true }, refused('bound')],
  ['a bound address that is not trusted', { email: 'untrusted', isBound: true }, refused('bound')],
];

test.each(table)('%s', (_name, facts, expected) => {
  expect(resolveUser({ ...nobody, ...facts })).toEqual(expected);
});

test('no email address signs in', () => {
  for (const [, facts] of table) {
    const { kind } = resolveUser({ ...nobody, ...facts, linked: null });
    expect(kind).not.toBe('sign-in');
  }
});
