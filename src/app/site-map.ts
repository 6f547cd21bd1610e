import { accountMounts } from '#account/module.ts';
import { apiMounts } from '#api/module.ts';
import { brandingMounts } from '#branding/module.ts';
import { deviceMounts } from '#sign-in/device/module.ts';
import { demoMounts } from '#trial/demo/demo-client.ts';
import { federationMounts } from '#sign-in/federation/module.ts';
import { interactionMounts } from '#sign-in/interaction/module.ts';
import type { Mount } from '#kernel/http/mounts.ts';
import { staticMounts } from '#kernel/http/static.ts';
import { mailboxMounts } from '#trial/mailbox/module.ts';
import { oidcMounts } from '#oidc/mounts.ts';
import { passkeyMounts } from '#sign-in/passkey/module.ts';
import { recoveryMounts } from '#sign-in/recovery/module.ts';
import { registrationMounts } from '#sign-in/registration/module.ts';
import { riskMounts } from '#sign-in/risk/module.ts';
import { samlApplicationMounts } from '#saml/applications/module.ts';
import { sessionMounts } from '#oidc/sessions/module.ts';
import { setupMounts } from '#setup/module.ts';
import { verificationMounts } from '#sign-in/verification/module.ts';
import { waitlistMounts } from '#directory/waitlist/module.ts';
import { welcomeMounts } from '#trial/welcome/module.ts';

/**
 * Every address of the product, as the slices declare them with their routes. An address that is not declared does not exist.
 * `test/__snapshots__/site-map.txt` shows all of them on one page, route by route.
 */
export function siteMap(config: { embedded: boolean }): readonly Mount[] {
  return [
    oidcMounts,
    deviceMounts,
    sessionMounts,
    welcomeMounts,
    staticMounts,
    interactionMounts,
    federationMounts,
    samlApplicationMounts,
    passkeyMounts,
    recoveryMounts,
    registrationMounts,
    verificationMounts,
    riskMounts,
    waitlistMounts,
    setupMounts,
    brandingMounts,
    accountMounts,
    apiMounts,
    config.embedded ? [demoMounts, mailboxMounts].flat() : [],
  ].flat();
}
