import type { Clock } from '#kernel/clock.ts';
import { type KeyRing, SealError } from '#kernel/crypto.ts';
import { LONGEST_STATE, LONGEST_WAY } from './limits.ts';
import type { UpstreamSessions } from './upstream-sessions.ts';

type Dependencies = {
  clock: Clock;
  keyRing: Pick<KeyRing, 'seal' | 'open'>;
  /** Without a slash at its end. */
  issuer: string;
  sessions: Pick<UpstreamSessions, 'ofSession'>;
  providers: {
    /** The name of a connection that is in use; null for any other one. */
    nameOf(connection: string): Promise<string | null>;
    /** Where a browser signs out; null where the provider has no such address, or does not answer. */
    logoutAddress(connection: string, asked: { hint: string; returnTo: string; state: string }): Promise<string | null>;
  };
};

/** The place to which the sign-out leads at last, or of a ticket the session that has ended; and when it began. */
type State = { next: string; at: number };

/** A sign-out here that goes on at the provider with which the session began, if its user wants that. */
export class UpstreamSignOut {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** The provider at which the user of a session can sign out, too. */
  async offered(sessionId: string): Promise<{ slug: string; name: string } | null> {
    const { sessions, providers } = this.#deps;
    for (const { connection: slug, signOutHint } of await sessions.ofSession(sessionId)) {
      const name = signOutHint === null ? null : await providers.nameOf(slug);
      if (name !== null) return { slug, name };
    }
    return null;
  }

  /** Where the browser signs out at the provider, and comes back to go on at `next`; null where that is not possible. */
  async begin(sessionId: string, connection: string, next: string): Promise<string | null> {
    const { clock, keyRing, issuer, sessions, providers } = this.#deps;
    const begun = (await sessions.ofSession(sessionId)).find((each) => each.connection === connection);
    const hint = begun?.signOutHint ?? null;
    const kept: State = { next, at: clock.now().getTime() };
    const state = keyRing.seal(JSON.stringify(kept), placeOf(connection));
    if (hint === null || state.length > LONGEST_STATE) return null;
    const returnTo = `${issuer}/federation/${connection}/signed-out`;
    return providers.logoutAddress(connection, { hint, returnTo, state });
  }

  /** For the form of a page that is shown after the session here has ended. */
  ticket(sessionId: string, connection: string): string {
    const { clock, keyRing } = this.#deps;
    const kept: State = { next: sessionId, at: clock.now().getTime() };
    return keyRing.seal(JSON.stringify(kept), ticketPlaceOf(connection));
  }

  /** Where the browser with a ticket signs out at the provider; null for none, an old one, or where that is not possible any more. */
  async useTicket(connection: string, ticket: unknown): Promise<string | null> {
    const session = this.#open(ticket, ticketPlaceOf(connection));
    return session === null ? null : this.begin(session, connection, `${this.#deps.issuer}/oidc/logout/success`);
  }

  /** Where a browser goes on that is back from the sign-out at the provider; null for a state of no sign-out, or an old one. */
  next(connection: string, state: unknown): string | null {
    return this.#open(state, placeOf(connection));
  }

  #open(state: unknown, place: string): string | null {
    if (typeof state !== 'string' || state.length > LONGEST_STATE) return null;
    const { clock, keyRing } = this.#deps;
    try {
      const { next, at } = JSON.parse(keyRing.open(state, place)) as State;
      return clock.now().getTime() - at <= LONGEST_WAY ? next : null;
    } catch (error) {
      if (error instanceof SealError) return null;
      throw error;
    }
  }
}

const placeOf = (connection: string): string => `upstream-sign-out:${connection}`;
const ticketPlaceOf = (connection: string): string => `upstream-sign-out-ticket:${connection}`;
