import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { rightsMissing, userNotFound } from '#directory/users/errors.ts';
import type { ManagedUsers } from '#directory/users/module.ts';
import { phoneNumberSchema } from '#directory/users/profile.ts';
import { listOperation, pageOfAll } from '#kernel/operations/list-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import type { ContactAdministration } from './contact-administration.ts';
import { contactKey, PRIMARY } from './contact-key.ts';
import type { ShownContact } from './contact-service.ts';
import {
  contactExists,
  contactUnverified,
  phoneNumberNotFound,
  primaryPhoneNumberStays,
  tooManyContacts,
} from './errors.ts';
import { userPhoneAdded, userPhoneChanged, userPhoneRemoved } from './events.ts';

type Services = { managed: ManagedUsers; contactAdministration: ContactAdministration };

const ofUser = { user_id: idSchema('usr') };
const phoneNumber = { ...ofUser, phone_number_id: contactKey };

const numberSchema = z.strictObject({
  id: z.string().describe('primary, or an id that lasts until it becomes primary'),
  phone_number: z.string(),
  primary: z.boolean().describe('Whether applications learn it'),
  verified: z.boolean(),
});

const listPhoneNumbers = listOperation({
  name: 'users.phone_numbers.list',
  permission: 'users.read',
  params: ofUser,
  sorts: ['created_at'],
  items: 'phone_numbers',
  item: numberSchema,
  errors: [userNotFound],
  description: 'List the phone numbers of a user, the primary one first.',
  example: { limit: 20 },
  command: { words: 'user phone-numbers' },
  run: async ({ user_id: userId }, page, _by: By, { managed, contactAdministration }: Services) => {
    await managed.requireKnown(userId);
    const all = (await contactAdministration.list(userId, 'phone')).map(phoneNumberOnWire);
    return pageOfAll(all, page, ({ id }) => (id === PRIMARY ? '' : id));
  },
});

const readPhoneNumber = operation({
  name: 'users.phone_numbers.read',
  permission: 'users.read',
  params: phoneNumber,
  output: numberSchema,
  errors: [userNotFound, phoneNumberNotFound],
  description: 'Show a phone number of a user.',
  command: { words: 'user phone-number' },
  run: async ({ user_id: userId, phone_number_id: key }, _by: By, { managed, contactAdministration }: Services) => {
    await managed.requireKnown(userId);
    return phoneNumberOnWire(await contactAdministration.require(userId, 'phone', key));
  },
});

const addPhoneNumber = operation({
  name: 'users.phone_numbers.create',
  permission: 'users.manage',
  params: ofUser,
  input: z.strictObject({
    phone_number: phoneNumberSchema.describe('Phone number, such as +12025550123'),
    verified: z.boolean().default(false).describe('You know that it is the user’s: it counts at once'),
    primary: z.boolean().default(false).describe('It becomes the primary one, which must be verified'),
  }),
  output: numberSchema,
  errors: [userNotFound, rightsMissing, contactExists, tooManyContacts, contactUnverified],
  event: userPhoneAdded,
  description:
    'Add a phone number to a user, who is told of a verified one by mail. An unverified one serves for nothing.',
  example: { phone_number: '+12025550123', verified: true },
  command: {
    words: 'user add-phone-number',
    arguments: { user_id: { flags: '<user_id>' }, phone_number: { flags: '<phone_number>' } },
  },
  run: async (
    { user_id: userId, phone_number: value, ...said },
    by: By,
    { managed, contactAdministration }: Services,
  ) => {
    await managed.requireChangeable(userId, by);
    const added = { kind: 'phone' as const, value, isVerified: said.verified, isFirst: said.primary };
    return phoneNumberOnWire(await contactAdministration.add(userId, added, by));
  },
});

const changePhoneNumber = operation({
  name: 'users.phone_numbers.update',
  permission: 'users.manage',
  params: phoneNumber,
  input: z.strictObject({
    verified: z.literal(true).optional().describe('You know that it is the user’s'),
    primary: z.literal(true).optional().describe('It becomes the primary one; the one before stays with the user'),
  }),
  output: numberSchema,
  errors: [userNotFound, rightsMissing, phoneNumberNotFound, contactUnverified],
  event: userPhoneChanged,
  description: 'Say that a phone number of a user is verified, or make it the primary one. The user is told by mail.',
  example: { verified: true, primary: true },
  command: { words: 'user change-phone-number' },
  run: async (
    { user_id: userId, phone_number_id: key, verified = false, primary = false },
    by: By,
    { managed, contactAdministration }: Services,
  ) => {
    await managed.requireChangeable(userId, by);
    const said = { key, isVerified: verified, isFirst: primary };
    return phoneNumberOnWire(await contactAdministration.change(userId, 'phone', said, by));
  },
});

const removePhoneNumber = operation({
  name: 'users.phone_numbers.delete',
  permission: 'users.manage',
  params: phoneNumber,
  output: z.strictObject({ id: z.string(), removed: z.literal(true) }),
  errors: [userNotFound, rightsMissing, phoneNumberNotFound, primaryPhoneNumberStays],
  event: userPhoneRemoved,
  description:
    'Remove a phone number from a user, who is told by mail. The primary one stays while another verified one could take its place.',
  command: { words: 'user remove-phone-number' },
  run: async ({ user_id: userId, phone_number_id: key }, by: By, { managed, contactAdministration }: Services) => {
    await managed.requireChangeable(userId, by);
    await contactAdministration.remove(userId, 'phone', key, by);
    return { id: key, removed: true as const };
  },
});

function phoneNumberOnWire({ id, value, isFirst, isVerified }: ShownContact): z.input<typeof numberSchema> {
  return { id: id ?? PRIMARY, phone_number: value, primary: isFirst, verified: isVerified };
}

export const phoneNumberOperations = [
  listPhoneNumbers,
  readPhoneNumber,
  addPhoneNumber,
  changePhoneNumber,
  removePhoneNumber,
];
