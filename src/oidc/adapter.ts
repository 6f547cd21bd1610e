import type { Adapter, AdapterPayload } from 'oidc-provider';
import { errors } from 'oidc-provider';
import { type Clock, fromNow, SECOND } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Artifact, ArtifactStore, Found, Kind } from './artifact-store.ts';
import type { Handles } from './handles.ts';

type Dependencies = { clock: Clock; handles: Handles; storeOf: (kind: Kind) => ArtifactStore };

/** An artifact without an own lifetime (an initial access token may have none) is kept this long. */
const NO_EXPIRY = 10 * 365 * 86_400;

/** What the engine calls its adapter, one for each kind; what it stores goes through here in a form that is worth nothing to a thief. */
export class ArtifactAdapter implements Adapter {
  readonly #kind: Kind;
  readonly #clock: Clock;
  readonly #handles: Handles;
  readonly #store: ArtifactStore;

  constructor(kind: Kind, { clock, handles, storeOf }: Dependencies) {
    this.#kind = kind;
    this.#clock = clock;
    this.#handles = handles;
    this.#store = storeOf(kind);
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<void> {
    await this.#store.put(this.#kind, this.#toArtifact(id, payload, expiresIn));
  }

  /** RFC 9449 §11.1 and OpenID Connect Core §9: a `jti` is accepted once until `exp` (NumericDate). False when it was seen before. */
  async insertOnce(id: string, exp: number): Promise<boolean> {
    const artifact = {
      idHash: sha256(id),
      lookupHash: null,
      grantHash: null,
      accountId: null,
      clientId: null,
      expiresAt: new Date(exp * SECOND),
      payload: {},
    };
    return this.#store.insertOnce(this.#kind, artifact);
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    return this.#toPayload(await this.#store.find(this.#kind, this.#handles.hashOf(id)), id);
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.#toPayload(await this.#store.findByLookup(this.#kind, this.#handles.lookup(uid)));
  }

  async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    const found = this.#toPayload(await this.#store.findByLookup(this.#kind, this.#handles.lookup(userCode)));
    // It is kept as a hash alone; whoever found the artifact by it knows it.
    return found && { ...found, userCode };
  }

  /** The loser of a race gets what a later replay gets. */
  async consume(id: string): Promise<void> {
    const idHash = this.#handles.hashOf(id);
    if ((await this.#store.consume(this.#kind, idHash)) === 'consumed') return;
    if (this.#kind === 'PushedAuthorizationRequest')
      throw new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used');
    throw new errors.InvalidGrant('already used');
  }

  async destroy(id: string): Promise<void> {
    await this.#store.remove(this.#kind, this.#handles.hashOf(id));
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    await this.#store.removeOfGrant(this.#kind, sha256(grantId));
  }

  #toArtifact(id: string, payload: AdapterPayload, expiresIn: number | undefined): Artifact {
    const {
      jti: _id,
      userCode,
      session,
      parJti,
      consumed: _consumed,
      ...rest
    } = payload as AdapterPayload & { parJti?: string; session?: Record<string, unknown> };
    const lookup = this.#kind === 'Session' ? payload.uid : userCode;
    return {
      idHash: this.#handles.hashOf(id),
      lookupHash: typeof lookup === 'string' && lookup !== '' ? this.#handles.lookup(lookup) : null,
      grantHash: typeof payload.grantId === 'string' ? sha256(payload.grantId) : null,
      accountId: payload.accountId ?? null,
      clientId: payload.clientId ?? null,
      expiresAt: fromNow(this.#clock, (expiresIn ?? NO_EXPIRY) * SECOND),
      payload: {
        ...rest,
        ...(session ? { session: { ...session, cookie: undefined } } : {}),
        ...(parJti ? { parJti: this.#handles.make(this.#handles.hashOf(parJti)) } : {}),
        ...(typeof userCode === 'string' ? { userCode: '' } : {}),
      },
    };
  }

  #toPayload(found: Found | null, id?: string): AdapterPayload | undefined {
    if (!found) return undefined;
    return {
      ...found.payload,
      jti: id ?? this.#handles.make(found.idHash),
      ...(found.consumedAt ? { consumed: Math.floor(found.consumedAt.getTime() / SECOND) } : {}),
    };
  }
}
