import type { KoaContextWithOIDC } from 'oidc-provider';
import { type Patch, source } from './patch.ts';

export const redirectUriChecks: Patch = {
  members: { 'OIDCContext.redirectUriCheckPerformed': 'assigned' },
  reason:
    'The engine takes the redirect URI of a request that is resumed for checked, and sends errors there; it is checked again, as the client is registered now.',
  upstream: source('actions/authorization/resume.js'),
  apply({ OIDCContext }) {
    const checked = new WeakSet<object>();
    Object.defineProperty(OIDCContext.prototype, 'redirectUriCheckPerformed', {
      get(this: KoaContextWithOIDC['oidc']): boolean {
        return this.route !== 'resume' && checked.has(this);
      },
      set(this: object, isChecked: boolean) {
        if (isChecked) checked.add(this);
        else checked.delete(this);
      },
    });
  },
};
