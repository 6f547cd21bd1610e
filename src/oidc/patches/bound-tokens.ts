import { Provider } from 'oidc-provider';
import { requireBound, type Shown } from '../authority/enforcement.ts';
import { type Patch, source } from './patch.ts';

type Model = { save(): Promise<string> };

export const boundTokens: Patch = {
  members: { 'AccessToken.prototype.save': { method: 0 }, 'ClientCredentials.prototype.save': { method: 0 } },
  reason: 'No token is issued that would be worth nothing: by the front channel, or where no certificate can arrive.',
  upstream: source('models/base_token.js'),
  apply(engine) {
    for (const kind of ['AccessToken', 'ClientCredentials'] as const) issueBound(engine[kind].prototype);
  },
};

function issueBound(model: Model): void {
  const { save } = model;
  model.save = async function saveBound(this: Shown & Model) {
    const client = Provider.ctx?.oidc.client;
    if (client) requireBound(this, client);
    return save.call(this);
  };
}
