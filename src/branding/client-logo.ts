import { defineEntity, p } from '@mikro-orm/core';

const instant = () => p.datetime(3).columnType('timestamptz(3)');

const ClientLogoSchema = defineEntity({
  name: 'ClientLogo',
  tableName: 'client_logo',
  properties: {
    clientId: p.text().primary(),
    /** The `logo_uri` that this row is about; a client with another one has no logo yet. */
    uri: p.text(),
    /** SHA-256 of the image, in hex; null when no fetch has succeeded. */
    name: p.text().nullable(),
    /** WebP, drawn by us. */
    image: p.blob().columnType('bytea').$type<Buffer>().nullable(),
    /** Of the last fetch that succeeded. */
    fetchedAt: instant().nullable(),
    /** When to fetch it again. */
    dueAt: instant(),
    /** Fetches that failed since the last one that succeeded. */
    failures: p.integer(),
    /** Why the last one failed, for operators. */
    problem: p.text().nullable(),
  },
  indexes: [{ name: 'client_logo_name_index', properties: ['name'] }],
});
/** The logo of a client, or why there is none (table `client_logo`). */
export class ClientLogo extends ClientLogoSchema.class {}
ClientLogoSchema.setClass(ClientLogo);
