import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Engine } from '../engine.ts';

export type Claimable = { deviceInfo?: { claimedBy?: string }; save(): Promise<string> };

/** RFC 8628 §3.2: how long a device waits between two polls, unless it is told to slow down. */
const INTERVAL_SECONDS = 5;

/** RFC 8628 §3.2. */
export function sayInterval(engine: Engine): void {
  engine.on('device_authorization.success', (_ctx, response) => {
    Object.assign(response, { interval: INTERVAL_SECONDS });
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
