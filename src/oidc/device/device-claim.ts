import type { KoaContextWithOIDC } from 'oidc-provider';
import { SECOND } from '#kernel/clock.ts';
import type { Engine } from '../engine.ts';
import { DEVICE_POLL_INTERVAL } from '../limits.ts';

export type Claimable = { deviceInfo?: { claimedBy?: string }; save(): Promise<string> };

/** RFC 8628 §3.2. */
export function sayInterval(engine: Engine): void {
  engine.on('device_authorization.success', (_ctx, response) => {
    Object.assign(response, { interval: DEVICE_POLL_INTERVAL / SECOND });
  });
}

/** Takes the code that is about to be shown for this browser. Throws DeviceCodeUsed when another one was faster. */
export async function claimDeviceCode({ oidc }: KoaContextWithOIDC): Promise<void> {
  const code = oidc.entities.DeviceCode as unknown as Claimable | undefined;
  const claimedBy = oidc.session?.uid;
  if (!code || !claimedBy || code.deviceInfo?.claimedBy !== undefined) return;
  code.deviceInfo = { ...code.deviceInfo, claimedBy };
  await code.save();
}
