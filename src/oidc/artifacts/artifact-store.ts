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
  /** `lookupHash` of the session that the artifact ends with. */
  sessionHash: Buffer | null;
  accountId: string | null;
  clientId: string | null;
  expiresAt: Date;
  /** The progress of a request that several requests might answer; null for all others. */
  stage: number | null;
  payload: Record<string, unknown>;
};

/** The result of consuming an artifact: `spent` when another request was first. */
export type Consumed = 'consumed' | 'spent' | 'unknown';

export type Write = { kind: Kind; artifact: Artifact };
/**
 * A refresh token that is replaced: its successor, and the earliest time of a use that may be answered again. `isRepeat`: it was read as
 * used, so it cannot be consumed.
 */
export type Rotation = { successorHash: Buffer; since: Date; isRepeat: boolean };
export type Use = { kind: Kind; idHash: Buffer; rotation?: Rotation | undefined };
/** The writes of one request, and the artifact that it consumes for them. */
export type Batch = { consumed: Use | null; puts: readonly Write[] };
/**
 * The result of a batch. `successorHash`: the artifact had been consumed, but nothing used its successor yet: access tokens are
 * written, a second successor is not. `exhausted`: that happened too often. `over`: as `spent`, but the grant was over already.
 */
export type Written = Consumed | { successorHash: Buffer } | 'exhausted' | 'over';

export type Found = {
  idHash: Buffer;
  payload: Record<string, unknown>;
  consumedAt: Date | null;
  /** Of a consumed refresh token: the hash of the token that replaced it. */
  successorHash?: Buffer | null;
  /** Rows that a store may return in the same round trip: the grant, and the session of the artifact. */
  grant?: Found | null;
  session?: Found | null;
};

/**
 * Guarantees of a backend. `artifact-store.contract.ts` checks them on every one.
 *
 * - `put` writes or replaces. An artifact of a revoked grant is not stored, so its holder has a dead token; one with a
 *   `stage` replaces only one of a lower stage, so that the first of two responses stays. False when it did not write.
 * - `find*` never answers with an artifact of a grant that is revoked or gone. It may answer with one that has expired:
 *   the caller compares the times in the payload.
 * - `consume` changes an unconsumed artifact in one conditional write; `spent` when another request was
 *   first: that is a replay, so the store revokes the grant and with it the winner's tokens (RFC 9700 §4.14.2).
 * - `insertOnce` stores if no living artifact has the id; false when one has.
 * - `remove` says true to exactly one caller.
 * - `revokeGrant` leaves a mark that outlives the grant's tokens, then removes them.
 */
export type ArtifactStore = {
  put(kind: Kind, artifact: Artifact): Promise<boolean>;
  find(kind: Kind, idHash: Buffer): Promise<Found | null>;
  findByLookup(kind: Kind, lookupHash: Buffer): Promise<Found | null>;
  consume(kind: Kind, idHash: Buffer): Promise<Consumed>;
  insertOnce(kind: Kind, artifact: Pick<Artifact, 'idHash' | 'expiresAt'>): Promise<boolean>;
  remove(kind: Kind, idHash: Buffer): Promise<boolean>;
  removeOfGrant(kind: Kind, grantHash: Buffer): Promise<void>;
  revokeGrant(grantHash: Buffer): Promise<void>;
  /** Removes what expired, at most `PURGE_BATCH`; answers how many. */
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
