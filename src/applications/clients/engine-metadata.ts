import type { Client } from './client.ts';
import { secretNeed } from './client-secret.ts';

export type EngineMetadata = Readonly<Record<string, unknown>>;

type EngineView = Pick<Client, 'clientId' | 'name' | 'type' | 'profile' | 'metadata' | 'registered'> & {
  /** Seconds since 1970. */
  issuedAt: number;
  /** The newest valid secret of a client whose secret is a key. */
  plainSecret: string | undefined;
  /** Unguessable text in place of a secret that is stored as a hash only. */
  placeholder: string;
};

/** The profile, which only the operator sets, as a member of the engine's client. */
export const PROFILE_MEMBER = 'latchkey_profile';

/** The client as node-oidc-provider reads it (RFC 7591 §2 and §3.2.1). All of it may be shown to the client. */
export function toEngineMetadata({
  clientId,
  name,
  type,
  profile,
  metadata,
  registered,
  issuedAt,
  plainSecret,
  placeholder,
}: EngineView): EngineMetadata {
  const need = secretNeed({ type, metadata, registered });
  return Object.freeze({
    ...metadata,
    client_id: clientId,
    client_name: name,
    client_id_issued_at: issuedAt,
    ...(profile === 'default' ? {} : { [PROFILE_MEMBER]: profile }),
    // Expiry is checked for each secret separately, so the engine receives secrets without expiry.
    // A client of type saml has a secret that no caller can know.
    ...(need === 'none' && type !== 'saml'
      ? {}
      : { client_secret: (need === 'plain' ? plainSecret : undefined) ?? placeholder, client_secret_expires_at: 0 }),
  });
}
