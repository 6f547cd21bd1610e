import type { Adapter, AdapterPayload } from 'oidc-provider';
import { errors } from 'oidc-provider';
import { type Clock, fromNow, SECOND } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import { type Artifact, type ArtifactStore, type Found, type Kind, ofGrant, type Written } from './artifact-store.ts';
import { DeviceCodeUsed, isHeldBy, isPending, stageOf } from '../device/device-code.ts';
import type { Handles } from './handles.ts';
import type { HeldWrites } from './held-writes.ts';
import type { IssuedTokens } from './issued-tokens.ts';
import type { RecentFinds } from './recent-finds.ts';
import type { RequestMemo } from './request-memo.ts';
import type { Rotations } from './rotations.ts';
import type { Reuse } from './token-reuse.ts';
import { OWN_ID } from './open-sign-ins.ts';
import { mayBe } from './token-marks.ts';
import { NO_EXPIRY } from '../lifetimes.ts';

type AdapterDependencies = {
  clock: Clock;
  handles: Handles;
  storeOf: (kind: Kind) => ArtifactStore;
  memo: RequestMemo;
  recent: RecentFinds;
  issued: Pick<IssuedTokens, 'readCode' | 'hold' | 'keep'>;
  held: Pick<HeldWrites, 'holdsPut' | 'holdsUse' | 'flush'>;
  reuse: Pick<Reuse, 'shown' | 'ended' | 'lost'>;
  rotations: Pick<Rotations, 'read' | 'begin' | 'repeated' | 'refuse'>;
  /** Gives a session another id. */
  rename(from: Buffer, to: Buffer): Promise<void>;
  /** Counts a poll of a device; false when it came too soon. */
  notePoll(idHash: Buffer): Promise<boolean>;
};

/** Read again and again, and never consumed. */
const readOften: ReadonlySet<Kind> = new Set(['AccessToken', 'ClientCredentials']);

/** The engine's adapter, one for each kind of artifact. It hashes secrets, so that the stored form is useless to a thief. */
export class ArtifactAdapter implements Adapter {
  readonly #kind: Kind;
  readonly #deps: AdapterDependencies;
  readonly #handles: Handles;
  readonly #store: ArtifactStore;

  constructor(kind: Kind, dependencies: AdapterDependencies) {
    this.#kind = kind;
    this.#deps = dependencies;
    this.#handles = dependencies.handles;
    this.#store = dependencies.storeOf(kind);
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<void> {
    this.#deps.memo.forget();
    const artifact = this.#toArtifact(id, payload, expiresIn);
    if (this.#deps.held.holdsPut(this.#kind, artifact)) {
      if (this.#kind === 'AccessToken') this.#deps.issued.hold(this.#keyOf(artifact.idHash), artifact);
      return;
    }
    await this.#deps.held.flush();
    const isStored = await this.#store.put(this.#kind, artifact);
    if (!isStored && this.#kind === 'DeviceCode' && !(await this.#wasWrittenHere(artifact))) throw new DeviceCodeUsed();
  }

  /** One browser may say the same twice: what it claimed or confirmed stays so, until one of its answers decides. */
  async #wasWrittenHere({ idHash, payload }: Artifact): Promise<boolean> {
    const { claimedBy } = (payload as { deviceInfo?: { claimedBy?: string } }).deviceInfo ?? {};
    const found = await this.#store.find('DeviceCode', idHash);
    return found !== null && isHeldBy(claimedBy, payload) && isHeldBy(claimedBy, found.payload);
  }

  /** RFC 9449 §11.1 and OpenID Connect Core §9: a `jti` is accepted once until `exp` (NumericDate). False when it was seen before. */
  async insertOnce(id: string, exp: number): Promise<boolean> {
    await this.#deps.held.flush();
    return this.#store.insertOnce(this.#kind, { idHash: sha256(id), expiresAt: new Date(exp * SECOND) });
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    if (!mayBe(this.#kind, id)) return undefined;
    await this.#deps.held.flush();
    const idHash = this.#handles.hashOf(id);
    const found = await this.#find(idHash);
    if (!found) return undefined;
    // The sender of the code itself is the waiting device; the user's browser has a handle.
    const isPoll = this.#kind === 'DeviceCode' && isPending(found) && !this.#handles.isHandle(id);
    if (isPoll && !(await this.#deps.notePoll(idHash))) throw new errors.SlowDown();
    const isRepeat = this.#kind === 'RefreshToken' && (await this.#mayRepeat(found));
    const payload = this.#toPayload(isRepeat ? { ...found, consumedAt: null } : found, id)!;
    this.#deps.reuse.shown(this.#kind, payload);
    return payload;
  }

  #mayRepeat(found: Found): Promise<boolean> {
    return this.#deps.rotations.read(found, (hash) => this.#store.find('RefreshToken', hash));
  }

  async #find(idHash: Buffer): Promise<Found | null> {
    const { memo } = this.#deps;
    if (this.#kind === 'Grant') return memo.recall('Grant', idHash) ?? this.#store.find('Grant', idHash);
    const found = await this.#read(idHash);
    if (found?.grant) memo.keep('Grant', found.grant.idHash, found.grant);
    if (found?.session !== undefined)
      memo.keep('Session', this.#handles.lookup(String(found.payload['sessionUid'])), found.session);
    return found;
  }

  #read(idHash: Buffer): Promise<Found | null> {
    const read = () => this.#store.find(this.#kind, idHash);
    if (readOften.has(this.#kind)) return this.#deps.recent.find(this.#keyOf(idHash), read);
    return this.#kind === 'AuthorizationCode' ? this.#deps.issued.readCode(read) : read();
  }

  #keyOf(idHash: Buffer): string {
    return `${this.#kind} ${idHash.toString('base64url')}`;
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    await this.#deps.held.flush();
    const lookup = this.#handles.lookup(uid);
    const known = this.#deps.memo.recall(this.#kind, lookup);
    return this.#toPayload(known === undefined ? await this.#store.findByLookup(this.#kind, lookup) : known);
  }

  async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    const payload = this.#toPayload(await this.#store.findByLookup(this.#kind, this.#handles.lookup(userCode)));
    // It is not stored; who found the artifact by it knows it.
    return payload && { ...payload, userCode };
  }

  /** The loser of a race gets what a later replay gets. */
  async consume(id: string): Promise<void> {
    const idHash = this.#handles.hashOf(id);
    const { held, rotations } = this.#deps;
    const rotation = this.#kind === 'RefreshToken' ? rotations.begin(id) : undefined;
    if (held.holdsUse({ kind: this.#kind, idHash, rotation }, (outcome) => this.#settle(id, outcome))) return;
    await held.flush();
    this.#settle(id, await this.#store.consume(this.#kind, idHash));
  }

  #settle(id: string, outcome: Written): void {
    if (typeof outcome === 'object') return this.#deps.rotations.repeated(id, outcome.successorHash);
    if (outcome === 'exhausted') return this.#deps.rotations.refuse();
    if (outcome === 'consumed') {
      if (this.#kind === 'AuthorizationCode') this.#deps.issued.keep();
      return;
    }
    if (outcome === 'spent') {
      this.#forget();
      this.#deps.reuse.lost(this.#kind);
    }
    if (this.#kind === 'PushedAuthorizationRequest')
      throw new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used');
    throw new errors.InvalidGrant('already used');
  }

  async destroy(id: string): Promise<void> {
    this.#forget();
    await this.#deps.held.flush();
    const isFirst = await this.#store.remove(this.#kind, this.#handles.hashOf(id));
    if (isFirst && this.#kind === 'Grant') this.#deps.reuse.ended(id);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#deps.rename(this.#handles.hashOf(from), this.#handles.hashOf(to));
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    this.#forget();
    await this.#deps.held.flush();
    await this.#store.removeOfGrant(this.#kind, sha256(grantId));
    this.#forget();
  }

  /** Before and after: what was read in between is old. */
  #forget(): void {
    this.#deps.memo.forget();
    this.#deps.recent.forget();
  }

  #toArtifact(id: string, payload: AdapterPayload, expiresIn: number | undefined): Artifact {
    const lookup = this.#kind === 'Session' ? payload.uid : payload.userCode;
    const { sessionUid, expiresWithSession } = payload;
    return {
      idHash: this.#handles.hashOf(id),
      lookupHash: typeof lookup === 'string' && lookup !== '' ? this.#handles.lookup(lookup) : null,
      // An open prompt names a grant, but does not end with it: another request may be about to answer it.
      grantHash: ofGrant.has(this.#kind) && typeof payload.grantId === 'string' ? sha256(payload.grantId) : null,
      sessionHash: expiresWithSession && typeof sessionUid === 'string' ? this.#handles.lookup(sessionUid) : null,
      accountId: payload.accountId ?? null,
      clientId: payload.clientId ?? null,
      expiresAt: fromNow(this.#deps.clock, (expiresIn ?? NO_EXPIRY) * SECOND),
      stage: this.#kind === 'DeviceCode' ? stageOf(payload) : null,
      payload: this.#withoutSecrets(id, payload),
    };
  }

  /** The engine keeps ids of other artifacts, and the artifact's own, in some members: each is a bearer secret. */
  #withoutSecrets(id: string, payload: AdapterPayload): Record<string, unknown> {
    const {
      jti: _id,
      consumed: _consumed,
      userCode: _userCode,
      session,
      parJti,
      returnTo,
      ...rest
    } = payload as AdapterPayload & { parJti?: string };
    const { request_uri: _requestUri, ...params } = (payload.params ?? {}) as Record<string, unknown>;
    return {
      ...rest,
      ...(session ? { session: { ...session, cookie: undefined } } : {}),
      ...(parJti ? { parJti: this.#handles.make(this.#handles.hashOf(parJti)) } : {}),
      ...(typeof returnTo === 'string' ? { returnTo: returnTo.replace(id, OWN_ID) } : {}),
      ...(payload.params ? { params } : {}),
    };
  }

  #toPayload(found: Found | null, id?: string): AdapterPayload | undefined {
    if (!found) return undefined;
    // A copy: the engine changes what it gets, and others may get the same.
    const { returnTo, ...payload } = copyOf(found.payload);
    const jti = id ?? this.#handles.make(found.idHash);
    return {
      ...payload,
      jti,
      ...(typeof returnTo === 'string' ? { returnTo: returnTo.replace(OWN_ID, jti) } : {}),
      ...(found.consumedAt ? { consumed: Math.floor(found.consumedAt.getTime() / SECOND) } : {}),
    };
  }
}

/** Of what was read from JSON, so without cycles and classes: a tenth of what structuredClone costs. */
function copyOf<T>(value: T): T {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(copyOf) as T;
  const copy: Record<string, unknown> = {};
  for (const [member, item] of Object.entries(value)) {
    // Members that clients name may be called so too, and an assignment would change what the copy inherits.
    if (member === '__proto__')
      Object.defineProperty(copy, member, {
        value: copyOf(item),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    else copy[member] = copyOf(item);
  }
  return copy as T;
}
