import type { KoaContextWithOIDC } from 'oidc-provider';
import { requestedAcr, saidAcr } from '../levels.ts';
import { type Patch, source } from './patch.ts';

export const saidLevel: Patch = {
  members: { 'OIDCContext.prototype.acr': 'accessor' },
  reason:
    'A relying party that asks for one of several levels is told one of those, not a higher one that it does not know.',
  upstream: source('helpers/oidc_context.js'),
  apply({ OIDCContext }) {
    Object.defineProperty(OIDCContext.prototype, 'acr', {
      get(this: KoaContextWithOIDC['oidc']): string | undefined {
        return saidAcr(requestedAcr(this.params ?? {}), this.session?.['acr']);
      },
    });
  },
};
