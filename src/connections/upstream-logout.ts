import type { Log } from '#kernel/log.ts';
import type { LoggedOut } from './logout-token.ts';
import type { SamlLogout } from './saml/saml-logout.ts';
import type { UsableConnections } from './usable-connections.ts';
import type { UsedStates } from './used-states.ts';

type Dependencies = {
  usable: UsableConnections;
  states: Pick<UsedStates, 'use'>;
  log: Pick<Log, 'warn'>;
  samlLogout: () => Promise<SamlLogout>;
};

type LogoutOutcome =
  | ({ kind: 'ended' } & Omit<LoggedOut, 'jti'>)
  /** `reason`: for the log, in the words of this program and of the library. */
  | { kind: 'refused'; reason: string };

/** Sign-outs at providers, told to this instance; and sign-outs here that go on at a provider. */
export class UpstreamLogout {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** The session that a logout token ends, once. */
  async read(slug: string, token: string): Promise<LogoutOutcome> {
    const { usable, states } = this.#deps;
    try {
      const connection = await usable.find(slug);
      if (connection === null) throw new Error('the connection is not in use');
      const { jti, ...ended } = await (await usable.protocol()).loggedOut(usable.open(connection), token);
      if (!(await states.use(`logout ${connection.id} ${jti}`))) throw new Error('the token was used before');
      return { kind: 'ended', ...ended };
    } catch (error) {
      return { kind: 'refused', reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** The name of a connection that is in use; null for any other one. */
  async nameOf(slug: string): Promise<string | null> {
    return (await this.#deps.usable.find(slug))?.name ?? null;
  }

  /** Where a browser signs out at the provider; null where the provider has no such address, or cannot be asked. */
  async logoutAddress(slug: string, asked: { hint: string; returnTo: string; state: string }): Promise<string | null> {
    const { usable, log, samlLogout } = this.#deps;
    try {
      const connection = await usable.find(slug);
      if (connection === null) return null;
      const url =
        connection.provider === 'saml'
          ? await (await samlLogout()).address(connection, asked)
          : await (await usable.protocol()).logoutUrl(usable.open(connection), asked);
      return url?.href ?? null;
    } catch (err) {
      log.warn({ connection: slug, err }, 'an identity provider cannot be asked where to sign out');
      return null;
    }
  }
}
