import { Provider } from 'oidc-provider';
import type { FormHolder } from '../device/device-forms.ts';
import { type Patch, source } from './patch.ts';

type SessionModel = FormHolder & { state?: unknown; save(ttl: number): Promise<string> };

/** Here every page about devices holds the same token, and its form can be sent twice. */
export const deviceForms: Patch = {
  members: { 'Session.prototype.save': { method: 1 } },
  reason:
    'The engine makes another token for each page about devices, and forgets it with the first form: a second tab, or a form that is sent twice, would be refused.',
  upstream: source('actions/code_verification.js'),
  apply(engine, { forms }) {
    const model = engine.Session.prototype as unknown as SessionModel;
    const { save } = model;
    model.save = function saveWithForms(ttl) {
      if (Provider.ctx?.oidc.route === 'code_verification') this.state = { secret: forms.tokenOf(this) };
      return save.call(this, ttl);
    };
  },
};
