/** Authenticators that Chromium pretends to have: they are there when a page asks, and press their own button. */
import type { CDPSession, Page } from 'playwright';

type Kind = {
  transport?: 'internal' | 'usb';
  hasResidentKey?: boolean;
  hasUserVerification?: boolean;
  isUserVerified?: boolean;
};
type Stored = Awaited<ReturnType<Authenticators['credentials']>>[number];

export class Authenticators {
  readonly #session: CDPSession;

  private constructor(session: CDPSession) {
    this.#session = session;
  }

  static async of(page: Page): Promise<Authenticators> {
    const session = await page.context().newCDPSession(page);
    await session.send('WebAuthn.enable');
    return new Authenticators(session);
  }

  /** `held`: what another authenticator held that is no longer here. */
  async add({ transport = 'internal', ...kind }: Kind = {}, held: readonly Stored[] = []): Promise<string> {
    const { authenticatorId } = await this.#session.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport,
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
        ...kind,
      },
    });
    for (const credential of held) await this.#session.send('WebAuthn.addCredential', { authenticatorId, credential });
    return authenticatorId;
  }

  async credentials(authenticatorId: string) {
    return (await this.#session.send('WebAuthn.getCredentials', { authenticatorId })).credentials;
  }

  async setVerified(authenticatorId: string, isUserVerified: boolean): Promise<void> {
    await this.#session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified });
  }

  async remove(authenticatorId: string): Promise<void> {
    await this.#session.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId });
  }
}
