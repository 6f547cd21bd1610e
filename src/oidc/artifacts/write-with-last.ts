import { Provider } from 'oidc-provider';
import type { Engine } from '../engine.ts';
import type { HeldWrites } from './held-writes.ts';

type Saved = { save(...given: unknown[]): Promise<string> };

/** The session is stored last; of the tokens the access token, and after it the refresh token that comes with a code. */
export function writeWithLast(engine: Engine, held: HeldWrites): void {
  const flushAfter = (model: Saved, isLast: () => boolean): void => {
    const { save } = model;
    model.save = async function saveAndWrite(...given) {
      const value = await save.apply(this, given);
      if (isLast()) await held.flush();
      return value;
    };
  };
  flushAfter(engine.Session.prototype, () => true);
  flushAfter(engine.AccessToken.prototype, () => Provider.ctx?.oidc.route === 'token');
  flushAfter(engine.RefreshToken.prototype, () => Provider.ctx?.oidc.params?.['grant_type'] !== 'refresh_token');
}
