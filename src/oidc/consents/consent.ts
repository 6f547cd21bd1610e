import { defineEntity, p } from '@mikro-orm/core';
import { User } from '#directory/users/module.ts';

const ConsentSchema = defineEntity({
  name: 'Consent',
  tableName: 'consent',
  properties: {
    userId: () => p.manyToOne(User).mapToPk().primary().fieldName('user_id').deleteRule('cascade'),
    clientId: p.text().primary().index('consent_client_id_index'),
    scopes: p.json<readonly string[]>(),
    claims: p.json<readonly string[]>(),
    /** Scopes by the identifier of the API that they belong to. */
    resourceScopes: p.json<Readonly<Record<string, readonly string[]>>>(),
    /** Ids of the organizations for which users signed in to the client: it learns their name, and the roles there. */
    organizations: p.json<readonly string[]>().default('[]'),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
    updatedAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** The scopes and claims that a user allowed one client (table `consent`). */
export class Consent extends ConsentSchema.class {}
ConsentSchema.setClass(Consent);
