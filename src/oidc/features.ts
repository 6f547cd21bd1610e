import type { Configuration } from 'oidc-provider';
import type { Clock } from '#kernel/clock.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { ClientCertificates } from '#kernel/http/client-certificate.ts';
import { instance, type Policies } from '#settings/module.ts';
import { demonstratedPossession } from './dpop.ts';
import { mayIntrospect } from './introspection/introspection.ts';
import { mutualTls } from './client-authentication/mutual-tls.ts';
import { renderError } from './pages/error-page.ts';
import type { DeviceForms } from './device/device-forms.ts';
import type { ShownDevices } from './device/shown-devices.ts';
import { devicePages } from './pages/device-pages.ts';
import { type EnginePages, logoutPages } from './pages/pages.ts';
import type { FindConsent } from './authority/authority.ts';
import { claimsParameter } from './requests/claims-parameter.ts';
import { fapi } from './profiles.ts';
import { requestObjects } from './requests/request-objects.ts';
import { type ApiStore, resourceIndicators } from './resources.ts';
import { mayLeaveUnasked } from './sessions/logout-request.ts';

type Features = NonNullable<Configuration['features']>;

type FeatureDependencies = {
  clock: Clock;
  keyRing: Pick<KeyRing, 'deriveKey'>;
  apis: ApiStore;
  findConsent: FindConsent;
  pages: EnginePages;
  forms: Pick<DeviceForms, 'tokenOf'>;
  shownDevices: ShownDevices;
  /** Null where no client certificate can arrive. */
  certificates: ClientCertificates | null;
};

/** Which parts of the specifications are spoken, and how strictly. */
export function features(deps: FeatureDependencies, policies: Policies<'oidc' | 'profile'>): Features {
  const { registration } = policies.for(instance).oidc;
  return {
    devInteractions: { enabled: false },
    claimsParameter: claimsParameter(policies),
    clientCredentials: { enabled: true },
    deviceFlow: devicePages(deps.pages, deps.forms, deps.shownDevices, renderError(deps.clock)),
    rpInitiatedLogout: logoutPages(deps.pages, (ctx) => mayLeaveUnasked(ctx, deps)),
    backchannelLogout: { enabled: true },
    dPoP: demonstratedPossession(deps.clock, deps.keyRing.deriveKey('dpop-nonce').export()),
    encryption: { enabled: true },
    fapi,
    introspection: { enabled: true, allowedPolicy: mayIntrospect(deps.apis) },
    jwtIntrospection: { enabled: true },
    jwtResponseModes: { enabled: true },
    jwtUserinfo: { enabled: true },
    mTLS: mutualTls(deps.certificates),
    pushedAuthorizationRequests: { enabled: true },
    requestObjects: requestObjects(deps.clock),
    resourceIndicators: resourceIndicators(deps.apis),
    revocation: { enabled: true, allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId },
    webMessageResponseMode: { enabled: true, ack: 'individual-draft-01' },
    registration: { enabled: registration !== 'off', initialAccessToken: registration === 'token' },
    registrationManagement: { enabled: registration !== 'off', rotateRegistrationAccessToken: true },
  };
}
