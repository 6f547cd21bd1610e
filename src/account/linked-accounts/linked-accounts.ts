import type { By } from '#audit/module.ts';
import type { TellOwner, WaysIn } from '#credentials/module.ts';
import type { LinkedIdentities, LinkedIdentity } from '#directory/identities/module.ts';
import type { AccessRevocation, UserId } from '#directory/users/module.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { AppError } from '#kernel/errors.ts';

/** An upstream provider, as pages show it. */
type Provider = Readonly<{ slug: string; name: string; provider: string }>;
type Identity = Pick<LinkedIdentity, 'connection' | 'issuer' | 'subject'>;

/** Asks an upstream provider who the user is there. */
export type Linking = {
  /** The providers whose accounts can be linked. */
  offered(): Promise<readonly Provider[]>;
  begin(connection: string, sessionId: string, page: string): Promise<string | null>;
  take(
    proof: unknown,
    sessionId: string,
  ): Promise<
    | {
        kind: 'identity';
        provider: string;
        identity: Identity;
        name: string | null;
        /** The tokens of the answer, once the identity is linked. */
        keepTokens(userId: UserId): Promise<void>;
      }
    | { kind: 'cancelled' | 'refused'; connection: string }
    | null
  >;
};

type LinkedAnswer = Extract<Awaited<ReturnType<Linking['take']>>, { kind: 'identity' }>;

export type LinkedAccountDependencies = {
  database: Pick<Database, 'transaction'>;
  identities: Pick<LinkedIdentities, 'list' | 'link' | 'unlink'>;
  linking: Pick<Linking, 'offered'>;
  /** Revokes the tokens of an identity at its provider, after it is unlinked. */
  upstreamTokens: { revocationOf(userId: UserId, identity: Identity): Promise<() => Promise<void>> };
  waysIn: Pick<WaysIn, 'assertOneLeft'>;
  accessRevocation: AccessRevocation<'linked account removed'>;
  tellOwner: TellOwner;
};

/** An account at an upstream provider, as its owner sees it. */
export type ShownIdentity = Pick<LinkedIdentity, 'linkedAt' | 'lastUsedAt'> & {
  /** Names it in a form, and says nothing about it. */
  id: string;
  provider: Provider;
  account: string | null;
};

/** An account at an upstream provider, as the provider names it. */
export type IdentityWithId = LinkedIdentity & Pick<ShownIdentity, 'id'>;

/** The accounts at upstream providers that a user has linked. */
export class LinkedAccounts {
  readonly #deps: LinkedAccountDependencies;

  constructor(dependencies: LinkedAccountDependencies) {
    this.#deps = dependencies;
  }

  /** As the provider names them, the latest at the end. */
  async all(userId: UserId): Promise<IdentityWithId[]> {
    return (await this.#deps.identities.list(userId)).map((identity) => ({ ...identity, id: idOf(identity) }));
  }

  async list(userId: UserId): Promise<ShownIdentity[]> {
    const [linked, offered] = await Promise.all([this.all(userId), this.#deps.linking.offered()]);
    return linked.map((identity) => ({
      id: identity.id,
      // Of a provider that is not offered now, its slug says what it was.
      provider: offered.find(({ slug }) => slug === identity.connection) ?? unknownProvider(identity.connection),
      account: identity.name,
      linkedAt: identity.linkedAt,
      lastUsedAt: identity.lastUsedAt,
    }));
  }

  /** `taken`: another user has linked it. */
  async link(
    userId: UserId,
    { identity, name, provider, keepTokens }: LinkedAnswer,
    by: By,
  ): Promise<'linked' | 'taken'> {
    const { database, identities, tellOwner } = this.#deps;
    try {
      await database.transaction(async (em) => {
        if (await identities.link(em, userId, identity, name, by))
          await tellOwner(em, { userId, kind: 'identity_linked', name: provider, visitor: by.visitor });
      });
      await keepTokens(userId);
      return 'linked';
    } catch (error) {
      if (error instanceof AppError && error.code === 'identities.taken') return 'taken';
      throw error;
    }
  }

  /** `session`: the one that goes on, null for none. False where the user has none with this id. Throws credentials.last_way_in. */
  async unlink(userId: UserId, id: string, by: By, session: string | null): Promise<boolean> {
    const { database, identities, linking, upstreamTokens, waysIn, accessRevocation, tellOwner } = this.#deps;
    const identity = (await this.all(userId)).find((each) => each.id === id);
    if (identity === undefined) return false;
    const offered = await linking.offered();
    const name = offered.find(({ slug }) => slug === identity.connection)?.name ?? identity.connection;
    const revoke = await upstreamTokens.revocationOf(userId, identity);
    const isUnlinked = await database.transaction(async (em) => {
      if ((await identities.unlink(em, userId, identity, by)) === null) return false;
      await waysIn.assertOneLeft(em, userId);
      await accessRevocation.revoke(
        em,
        'linked account removed',
        userId,
        by,
        session === null ? {} : { keep: { session } },
      );
      await tellOwner(em, { userId, kind: 'identity_unlinked', name, visitor: by.visitor });
      return true;
    });
    if (isUnlinked) await revoke();
    return isUnlinked;
  }
}

const unknownProvider = (slug: string): Provider => ({ slug, name: slug, provider: '' });
const ID_CHARACTERS = 22;
const idOf = ({ connection, issuer, subject }: Identity): string =>
  sha256(JSON.stringify([connection, issuer, subject]))
    .toString('base64url')
    .slice(0, ID_CHARACTERS);
