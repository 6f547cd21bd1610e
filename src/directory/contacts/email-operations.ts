import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { emailInvalid, emailTaken, rightsMissing, userNotFound } from '#directory/users/errors.ts';
import type { ManagedUsers } from '#directory/users/module.ts';
import { givenEmail } from '#directory/users/typed/email-address.ts';
import { listOperation, pageOfAll } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import type { ContactAdministration } from './contact-administration.ts';
import { contactKey, PRIMARY } from './contact-key.ts';
import type { ShownContact } from './contact-service.ts';
import {
  contactExists,
  contactUnverified,
  contactVerified,
  emailNotFound,
  mailsLimited,
  primaryEmailStays,
  tooManyContacts,
} from './errors.ts';
import { userEmailAdded, userEmailChanged, userEmailProofSent, userEmailRemoved } from './events.ts';

type Services = { managed: ManagedUsers; contactAdministration: ContactAdministration };

const ofUser = { user_id: idSchema('usr') };
const email = { ...ofUser, email_id: contactKey };

const emailSchema = z.strictObject({
  id: z.string().describe('primary, or an id that lasts until it becomes primary'),
  email: z.string(),
  primary: z.boolean().describe('Whether applications learn it'),
  verified: z.boolean(),
});

const listEmails = listOperation({
  name: 'users.emails.list',
  permission: 'users.read',
  params: ofUser,
  sorts: ['created_at'],
  items: 'emails',
  item: emailSchema,
  errors: [userNotFound],
  description: 'List the email addresses of a user, the primary one first.',
  example: { limit: 20 },
  command: { words: 'user emails' },
  run: async ({ user_id: userId }, page, _by: By, { managed, contactAdministration }: Services) => {
    await managed.requireKnown(userId);
    const all = (await contactAdministration.list(userId, 'email')).map(emailOnWire);
    return pageOfAll(all, page, ({ id }) => (id === PRIMARY ? '' : id));
  },
});

const readEmail = operation({
  name: 'users.emails.read',
  permission: 'users.read',
  params: email,
  output: emailSchema,
  errors: [userNotFound, emailNotFound],
  description: 'Show an email address of a user.',
  command: { words: 'user email' },
  run: async ({ user_id: userId, email_id: key }, _by: By, { managed, contactAdministration }: Services) => {
    await managed.requireKnown(userId);
    return emailOnWire(await contactAdministration.require(userId, 'email', key));
  },
});

const addEmail = operation({
  name: 'users.emails.create',
  permission: 'users.manage',
  params: ofUser,
  input: z.strictObject({
    email: givenEmail.max(254).describe('Email address'),
    verified: z.boolean().default(false).describe('You know that it is the user’s: it counts at once'),
    primary: z.boolean().default(false).describe('It becomes the primary one, which must be verified'),
  }),
  output: emailSchema,
  errors: [userNotFound, rightsMissing, emailInvalid, emailTaken, contactExists, tooManyContacts, contactUnverified],
  event: userEmailAdded,
  description:
    'Add an email address to a user, who is told of a verified one by mail. An unverified one serves for nothing.',
  example: { email: 'ada@example.com', verified: true },
  command: { words: 'user add-email', arguments: { user_id: { flags: '<user_id>' }, email: { flags: '<email>' } } },
  run: async ({ user_id: userId, email: value, ...said }, by: By, { managed, contactAdministration }: Services) => {
    await managed.requireChangeable(userId, by);
    const added = { kind: 'email' as const, value, isVerified: said.verified, isFirst: said.primary };
    return emailOnWire(await contactAdministration.add(userId, added, by));
  },
});

const changeEmail = operation({
  name: 'users.emails.update',
  permission: 'users.manage',
  params: email,
  input: z.strictObject({
    verified: z.literal(true).optional().describe('You know that it is the user’s'),
    primary: z.literal(true).optional().describe('It becomes the primary one; the one before stays with the user'),
  }),
  output: emailSchema,
  errors: [userNotFound, rightsMissing, emailNotFound, contactUnverified, emailTaken],
  event: userEmailChanged,
  description: 'Say that an email address of a user is verified, or make it the primary one. The user is told by mail.',
  example: { verified: true, primary: true },
  command: { words: 'user change-email' },
  run: async (
    { user_id: userId, email_id: key, verified = false, primary = false },
    by: By,
    { managed, contactAdministration }: Services,
  ) => {
    await managed.requireChangeable(userId, by);
    const said = { key, isVerified: verified, isFirst: primary };
    return emailOnWire(await contactAdministration.change(userId, 'email', said, by));
  },
});

const removeEmail = operation({
  name: 'users.emails.delete',
  permission: 'users.manage',
  params: email,
  output: z.strictObject({ id: z.string(), removed: z.literal(true) }),
  errors: [userNotFound, rightsMissing, emailNotFound, primaryEmailStays],
  event: userEmailRemoved,
  description: 'Remove an email address from a user, who is told by mail. The primary one can only be replaced.',
  command: { words: 'user remove-email' },
  run: async ({ user_id: userId, email_id: key }, by: By, { managed, contactAdministration }: Services) => {
    await managed.requireChangeable(userId, by);
    await contactAdministration.remove(userId, 'email', key, by);
    return { id: key, removed: true as const };
  },
});

const sendVerification = operation({
  name: 'users.emails.send_verification',
  permission: 'users.manage',
  params: email,
  output: emailSchema,
  errors: [userNotFound, rightsMissing, emailNotFound, contactVerified, mailsLimited],
  event: userEmailProofSent,
  description:
    'Send a link to an unverified email address of a user. It verifies the address when the signed-in user opens it.',
  command: { words: 'user send-verification' },
  run: async ({ user_id: userId, email_id: key }, by: By, { managed, contactAdministration }: Services) => {
    await managed.requireChangeable(userId, by);
    return emailOnWire(await contactAdministration.sendLink(userId, key, by));
  },
});

function emailOnWire({ id, value, isFirst, isVerified }: ShownContact): z.input<typeof emailSchema> {
  return { id: id ?? PRIMARY, email: value, primary: isFirst, verified: isVerified };
}

export const emailOperations = [listEmails, readEmail, addEmail, changeEmail, removeEmail, sendVerification];
