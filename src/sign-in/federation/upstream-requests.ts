import { AppError } from '#kernel/errors.ts';
import type { Id } from '#kernel/ids.ts';
import type { OfferedProvider, SessionProvider } from '#sign-in/interaction/module.ts';
import type { Attempts } from './attempts.ts';
import type { UpstreamProfile } from './profile.ts';

type Asked = {
  /** The slug of the connection. */
  connection: string;
  /** A test changes nothing, and takes connections that are disabled. */
  purpose: 'sign-in' | 'link' | 'test';
  loginHint?: string | undefined;
  /** Asks the provider to have its user prove again who they are. */
  forceAuthentication?: boolean | undefined;
  /** The relying party needs a second factor. */
  needsSecondFactor?: boolean | undefined;
};

/** The words of a provider about its user. */
type Seen = readonly { name: string; values: readonly string[] }[];

/** The upstream providers of the instance and of organizations, and their protocols. */
export type UpstreamProviders = {
  offered(where: { organizationId: Id<'org'> | null }): Promise<readonly OfferedProvider[]>;
  /** Whether organizations have connections of their own, so that a typed address may lead away. */
  haveOrganizations(): Promise<boolean>;
  /** One that is offered, by its slug. */
  find(slug: string): Promise<(SessionProvider & { organizationId: Id<'org'> | null }) | null>;
  /** Throws connections.not_offered, connections.unreachable. */
  begin(asked: Asked): Promise<{
    location: string;
    /** Fields that the browser posts there. */
    form: Readonly<Record<string, string>> | null;
    transaction: string;
    state: string;
  }>;
  finish(answer: {
    connection: string;
    transaction: string;
    parameters: URLSearchParams;
  }): Promise<
    | { kind: 'profile'; profile: UpstreamProfile; seen: Seen; purpose: Asked['purpose'] }
    | { kind: 'cancelled' }
    | { kind: 'refused'; reason: string; words: string; detail: string | null }
  >;
};

/** The page that holds the cookie with which an answer goes on, and what that cookie names. */
type Place = { binding: string; page: string };

type UpstreamAnswer =
  | { kind: 'profile'; connection: string; profile: UpstreamProfile; seen: Seen }
  | { kind: 'cancelled'; connection: string }
  | { kind: 'refused'; connection: string; reason: string; words: string; detail: string | null };

/** Sends a browser to an upstream provider, and reads the answer in the same browser. */
export class UpstreamRequests {
  readonly #providers: Pick<UpstreamProviders, 'begin' | 'finish'>;
  readonly #attempts: Attempts;

  readonly #issuer: string;

  constructor(providers: Pick<UpstreamProviders, 'begin' | 'finish'>, attempts: Attempts, issuer: string) {
    this.#issuer = issuer;
    this.#providers = providers;
    this.#attempts = attempts;
  }

  /** The address at the provider, or the one of our page that posts a form there; null where the provider is not offered any more, or does not answer. */
  async begin(asked: Asked, { binding, page }: Place): Promise<string | null> {
    try {
      const { connection } = asked;
      const { location, form, transaction, state } = await this.#providers.begin(asked);
      const post = form === null ? null : { action: location, fields: form };
      await this.#attempts.begin(state, binding, { connection, transaction, page, post });
      return post === null ? location : `${this.#issuer}/saml/${connection}/request?state=${state}`;
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
    if (outcome.purpose !== purpose)
      return { kind: 'refused', reason: 'transaction', words: '', detail: null, connection };
    return { kind: 'profile', profile: outcome.profile, seen: outcome.seen, connection };
  }
}
