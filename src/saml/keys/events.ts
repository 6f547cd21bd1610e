import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

/** Fingerprints of certificates. */
const changes = z.strictObject({
  created: z.array(z.string()),
  activated: z.array(z.string()),
  retired: z.array(z.string()),
});

export const samlKeysCreated = eventType({
  name: 'saml_keys.created',
  text: 'Keys for SAML were made.',
  details: changes,
  audience: ['operator'],
  gravity: 'info',
  webhook: true,
});

export const samlKeysRotated = eventType({
  name: 'saml_keys.rotated',
  text: 'The next keys for SAML were put into use. The metadata show them and the ones that follow.',
  details: changes,
  audience: ['operator'],
  gravity: 'notice',
  webhook: true,
});

export const samlKeysReplaced = eventType({
  name: 'saml_keys.replaced',
  text: 'All keys for SAML were replaced at once. Other systems need the new metadata.',
  details: changes,
  audience: ['operator'],
  gravity: 'alert',
  webhook: true,
});

export const samlKeysRetired = eventType({
  name: 'saml_keys.retired',
  text: 'Private keys for SAML that were replaced a while ago were removed.',
  details: changes,
  audience: ['operator'],
  gravity: 'info',
  webhook: true,
});

export const samlKeysReplacementAnnounced = eventType({
  name: 'saml_keys.replacement_announced',
  text: 'A key for SAML will be replaced by the next one. Systems that do not read the metadata need the certificate before.',
  details: z.strictObject({
    use: z.enum(['signing', 'encryption']),
    certificate: z.string(),
    days: z.int(),
    at: z.string(),
  }),
  audience: ['operator'],
  gravity: 'warning',
  webhook: true,
});
