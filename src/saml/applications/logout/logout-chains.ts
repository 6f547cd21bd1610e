import { defineEntity, p } from '@mikro-orm/core';
import { LOGOUT_CHAIN_LIFETIME } from '../limits.ts';
import type { NameId } from '../name-id.ts';
import { type SealedRowDependencies, SealedRows } from '../sealed-rows.ts';

const SamlLogoutSchema = defineEntity({
  name: 'SamlLogout',
  tableName: 'saml_logout',
  properties: {
    chainHash: p.blob().columnType('bytea').primary().$type<Buffer>(),
    /** The sign-out, under the key ring. */
    sealed: p.text(),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('saml_logout_expires_at_index'),
  },
});
/** Mapped for the drift test alone; it is written by single statements. */
export class SamlLogout extends SamlLogoutSchema.class {}
SamlLogoutSchema.setClass(SamlLogout);

/** An application that is told by the browser, and the session there. */
export type ToldSession = { clientId: string; sessionIndex: string; name: NameId };

/** A sign-out in one browser, which goes from one application to the next. The session here ended before. */
export type LogoutChain = {
  waiting: readonly ToldSession[];
  /** The application that has the browser now, and the request that it must answer. */
  current: { clientId: string; requestId: string } | null;
  /** Some application did not sign the user out. */
  isPartial: boolean;
  end: /** An address of ours, or a registered one of a relying party. */
    | { kind: 'location'; location: string }
    /** The answer to the application that began. */
    | { kind: 'answer'; clientId: string; requestId: string; relayState: string | null };
};

/** Sign-outs under way. The name of one is a secret, which travels as RelayState; each step keeps what is left under another name. */
export const logoutChains = (dependencies: SealedRowDependencies): LogoutChains =>
  new SealedRows(dependencies, {
    table: 'saml_logout',
    hash: 'chain_hash',
    place: 'saml-logout',
    lifetime: LOGOUT_CHAIN_LIFETIME,
  });
export type LogoutChains = SealedRows<LogoutChain>;
