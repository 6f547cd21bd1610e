/** The engine's names of what it stores. */
export type Kind =
  | 'Session'
  | 'AccessToken'
  | 'AuthorizationCode'
  | 'RefreshToken'
  | 'ClientCredentials'
  | 'InitialAccessToken'
  | 'RegistrationAccessToken'
  | 'DeviceCode'
  | 'Interaction'
  | 'ReplayDetection'
  | 'PushedAuthorizationRequest'
  | 'Grant'
  | 'BackchannelAuthenticationRequest'
  | 'PreAuthorizedCode';

/** One artifact as it is stored: nothing in it can be presented as a token. */
export type Artifact = {
  idHash: Buffer;
  /** Hash of a second handle: the uid of a session, the user code of a device code. */
  lookupHash: Buffer | null;
  grantHash: Buffer | null;
  accountId: string | null;
  clientId: string | null;
  expiresAt: Date;
  payload: Record<string, unknown>;
};

export type Found = { idHash: Buffer; payload: Record<string, unknown>; consumedAt: Date | null };

/**
 * What a backend must guarantee. `artifact-store.contract.ts` checks it on every one.
 *
 * - `put` writes or replaces; an artifact of a revoked grant is silently not stored: its holder has a dead token.
 * - `find*` never answers with an artifact of a grant that is revoked or gone.
 * - `consume` changes an unconsumed artifact in one conditional write; `spent` when somebody else was
 *   first: that is a replay, so the store revokes the grant, and with it what the winner got (RFC 9700 §4.14.2).
 * - `insertOnce` stores if no living artifact has the id; false when one has.
 * - `revokeGrant` leaves a mark that outlives the grant's tokens, then removes them.
 */
export type ArtifactStore = {
  put(kind: Kind, artifact: Artifact): Promise<void>;
  find(kind: Kind, idHash: Buffer): Promise<Found | null>;
  findByLookup(kind: Kind, lookupHash: Buffer): Promise<Found | null>;
  consume(kind: Kind, idHash: Buffer): Promise<'consumed' | 'spent' | 'unknown'>;
  insertOnce(kind: Kind, artifact: Artifact): Promise<boolean>;
  remove(kind: Kind, idHash: Buffer): Promise<void>;
  removeOfGrant(kind: Kind, grantHash: Buffer): Promise<void>;
  revokeGrant(grantHash: Buffer): Promise<void>;
  /** Removes what expired, in bounded batches; answers how many. */
  purge(): Promise<number>;
};

/** Kinds that live and die with their grant. */
export const ofGrant: ReadonlySet<Kind> = new Set([
  'AccessToken',
  'AuthorizationCode',
  'RefreshToken',
  'DeviceCode',
  'BackchannelAuthenticationRequest',
  'PreAuthorizedCode',
]);
