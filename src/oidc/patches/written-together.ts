import { Provider } from 'oidc-provider';
import { type Patch, source } from './patch.ts';

type Saved = { save(...given: unknown[]): Promise<string> };

/** The session is stored last; of the tokens the access token, and after it the refresh token that comes with a code. */
export const writtenTogether: Patch = {
  members: {
    'Session.prototype.save': { method: 1 },
    'AccessToken.prototype.save': { method: 0 },
    'RefreshToken.prototype.save': { method: 0 },
  },
  reason: 'The engine writes related artifacts one by one, and each write is a separate commit.',
  upstream: source('models/base_model.js'),
  apply(engine, { heldWrites }) {
    const writeAfter = (model: Saved, isLast: () => boolean): void => {
      const { save } = model;
      model.save = async function saveAndWrite(...given) {
        const value = await save.apply(this, given);
        if (isLast()) await heldWrites.flush();
        return value;
      };
    };
    writeAfter(engine.Session.prototype, () => true);
    writeAfter(engine.AccessToken.prototype, () => Provider.ctx?.oidc.route === 'token');
    writeAfter(engine.RefreshToken.prototype, () => Provider.ctx?.oidc.params?.['grant_type'] !== 'refresh_token');
  },
};
