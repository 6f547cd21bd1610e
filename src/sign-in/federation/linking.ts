import type { IdentityTokens } from '#directory/identities/module.ts';
import type { UserId } from '#directory/users/module.ts';
import type { OfferedProvider } from '#sign-in/interaction/module.ts';
import { identityOf, nameOf } from './profile.ts';
import type { UpstreamRequests } from './upstream-requests.ts';

type LinkAnswer =
  | {
      kind: 'identity';
      provider: string;
      identity: { connection: string; issuer: string; subject: string };
      name: string | null;
      /** The tokens of the answer, once the identity is linked. */
      keepTokens(userId: UserId): Promise<void>;
    }
  | { kind: 'cancelled'; connection: string }
  | { kind: 'refused'; connection: string; reason: string };

/** Asks an upstream provider who a signed-in user is there. The answer is good in the session that asked, and in no other one. */
export class Linking {
  readonly #requests: UpstreamRequests;
  readonly #offered: () => Promise<readonly OfferedProvider[]>;
  readonly #tokens: Pick<IdentityTokens, 'keep'>;

  constructor(
    requests: UpstreamRequests,
    offered: () => Promise<readonly OfferedProvider[]>,
    tokens: Pick<IdentityTokens, 'keep'>,
  ) {
    this.#requests = requests;
    this.#offered = offered;
    this.#tokens = tokens;
  }

  /** The providers whose accounts can be linked. */
  offered(): Promise<readonly OfferedProvider[]> {
    return this.#offered();
  }

  /** The address at the provider; null where it is not offered, or does not answer. `page`: it holds the cookie of the session. */
  async begin(connection: string, sessionId: string, page: string): Promise<string | null> {
    if (!(await this.#offered()).some(({ slug }) => slug === connection)) return null;
    return this.#requests.begin({ connection, purpose: 'link' }, { binding: bindingOf(sessionId), page });
  }

  /** Once; null for an answer that this session did not ask for, or has used. */
  async take(proof: unknown, sessionId: string): Promise<LinkAnswer | null> {
    const answer = await this.#requests.take(proof, bindingOf(sessionId), 'link');
    if (answer?.kind !== 'profile') return answer;
    const { connection, profile } = answer;
    // Also one that was closed, or given to an organization, meanwhile.
    if (!(await this.#offered()).some(({ slug }) => slug === connection))
      return { kind: 'refused', connection, reason: 'disabled' };
    const [identity, { tokens }] = [identityOf(profile), profile];
    return {
      kind: 'identity',
      provider: profile.connection.name,
      identity,
      name: nameOf(profile),
      keepTokens: async (userId) => {
        if (tokens !== null) await this.#tokens.keep(userId, identity, tokens);
      },
    };
  }
}

const bindingOf = (sessionId: string): string => `link:${sessionId}`;
