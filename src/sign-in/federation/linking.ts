import type { OfferedProvider } from '#sign-in/interaction/module.ts';
import { identityOf, nameOf } from './profile.ts';
import type { UpstreamRequests } from './upstream-requests.ts';

type LinkAnswer =
  | {
      kind: 'identity';
      provider: string;
      identity: { connection: string; issuer: string; subject: string };
      name: string | null;
    }
  | { kind: 'cancelled'; connection: string }
  | { kind: 'refused'; connection: string; reason: string };

/** Asks an upstream provider who a signed-in user is there. The answer is good in the session that asked, and in no other one. */
export class Linking {
  readonly #requests: UpstreamRequests;
  readonly #offered: () => Promise<readonly OfferedProvider[]>;

  constructor(requests: UpstreamRequests, offered: () => Promise<readonly OfferedProvider[]>) {
    this.#requests = requests;
    this.#offered = offered;
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
    return {
      kind: 'identity',
      provider: profile.connection.name,
      identity: identityOf(profile),
      name: nameOf(profile),
    };
  }
}

const bindingOf = (sessionId: string): string => `link:${sessionId}`;
