import { defineEntity, p } from '@mikro-orm/core';
import { SIGN_IN_LIFETIME } from '#oidc/module.ts';
import type { Requested } from './authn-context.ts';
import type { NameIdFormat } from './name-id.ts';
import { type SealedRowDependencies, SealedRows } from './sealed-rows.ts';

const SamlRequestSchema = defineEntity({
  name: 'SamlRequest',
  tableName: 'saml_request',
  properties: {
    stateHash: p.blob().columnType('bytea').primary().$type<Buffer>(),
    /** The request, under the key ring: RelayState may hold anything. */
    sealed: p.text(),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('saml_request_expires_at_index'),
  },
});
/** Mapped for the drift test alone; it is written by single statements. */
export class SamlRequest extends SamlRequestSchema.class {}
SamlRequestSchema.setClass(SamlRequest);

/** A request of an application, until its user has signed in. */
export type PendingRequest = {
  clientId: string;
  /** The id of the AuthnRequest; null for a sign-in that began here. */
  requestId: string | null;
  consumerUrl: string;
  relayState: string | null;
  nameIdFormat: NameIdFormat;
  requestedContext: Requested;
  isPassive: boolean;
  codeVerifier: string;
};

/** Requests of applications while their users sign in, each under its `state`. */
export const pendingRequests = (dependencies: SealedRowDependencies): PendingRequests =>
  new SealedRows(dependencies, {
    table: 'saml_request',
    hash: 'state_hash',
    place: 'saml-request',
    lifetime: SIGN_IN_LIFETIME,
  });
export type PendingRequests = SealedRows<PendingRequest>;
