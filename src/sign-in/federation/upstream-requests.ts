import { AppError } from '#kernel/errors.ts';
import type { Id } from '#kernel/ids.ts';
import type { OfferedProvider } from '#sign-in/interaction/module.ts';
import type { Attempts } from './attempts.ts';
import type { UpstreamProfile } from './profile.ts';

type Asked = {
  /** The slug of the connection. */
  connection: string;
  purpose: 'sign-in' | 'link';
  loginHint?: string | undefined;
  /** Asks the provider to have its user prove again who they are. */
  forceAuthentication?: boolean | undefined;
};

/** The upstream providers of the instance and of organizations, and their protocols. */
export type UpstreamProviders = {
  offered(where: { organizationId: Id<'org'> | null }): Promise<readonly OfferedProvider[]>;
  /** One that is offered, by its slug. */
  find(slug: string): Promise<(OfferedProvider & { organizationId: Id<'org'> | null }) | null>;
  /** Throws connections.not_offered, connections.unreachable. */
  begin(asked: Asked): Promise<{ location: string; transaction: string; state: string }>;
  finish(answer: {
    connection: string;
    transaction: string;
    parameters: URLSearchParams;
  }): Promise<
    | { kind: 'profile'; profile: UpstreamProfile; purpose: Asked['purpose'] }
    | { kind: 'cancelled' }
    | { kind: 'refused'; reason: string }
  >;
};

/** The page that holds the cookie with which an answer goes on, and what that cookie names. */
type Place = { binding: string; page: string };

type UpstreamAnswer =
  | { kind: 'profile'; connection: string; profile: UpstreamProfile }
  | { kind: 'cancelled'; connection: string }
  | { kind: 'refused'; connection: string; reason: string };

/** Sends a browser to an upstream provider, and reads the answer in the same browser. */
export class UpstreamRequests {
  readonly #providers: Pick<UpstreamProviders, 'begin' | 'finish'>;
  readonly #attempts: Attempts;

  constructor(providers: Pick<UpstreamProviders, 'begin' | 'finish'>, attempts: Attempts) {
    this.#providers = providers;
    this.#attempts = attempts;
  }

  /** The address at the provider; null where the provider is not offered any more, or does not answer. */
  async begin(asked: Asked, { binding, page }: Place): Promise<string | null> {
    try {
      const { location, transaction, state } = await this.#providers.begin(asked);
      await this.#attempts.begin(state, binding, { connection: asked.connection, transaction, page });
      return location;
    } catch (error) {
      if (error instanceof AppError && error.code.startsWith('connections.')) return null;
      throw error;
    }
  }

  /** Reads an answer once; null where this browser asked for none, or has used it. */
  async take(proof: unknown, binding: string, purpose: Asked['purpose']): Promise<UpstreamAnswer | null> {
    const answer = await this.#attempts.take(proof, binding);
    if (answer === null) return null;
    const { connection } = answer;
    const outcome = await this.#providers.finish(answer);
    if (outcome.kind !== 'profile') return { ...outcome, connection };
    if (outcome.purpose !== purpose) return { kind: 'refused', reason: 'transaction', connection };
    return { kind: 'profile', profile: outcome.profile, connection };
  }
}
