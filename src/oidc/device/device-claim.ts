import { SECOND } from '#kernel/clock.ts';
import type { Engine } from '../engine.ts';
import { DEVICE_POLL_INTERVAL } from '../limits.ts';

export type Claimable = {
  deviceInfo?: { claimedBy?: string };
  inFlight?: boolean | undefined;
  isExpired: boolean;
  save(): Promise<string>;
};

/** The address that people type, which is shorter than the one of the engine and leads there (sign-in/device). */
const SHORT_PATH = '/device';

/** RFC 8628 §3.2: how often a device may ask, and the address for its user. */
export function sayForDevice(engine: Engine): void {
  engine.on('device_authorization.success', (_ctx, response) => {
    const verification_uri = `${engine.issuer}${SHORT_PATH}`;
    Object.assign(response, {
      verification_uri,
      verification_uri_complete: `${verification_uri}?user_code=${encodeURIComponent(String(response['user_code']))}`,
      interval: DEVICE_POLL_INTERVAL / SECOND,
    });
  });
}

/** Takes a code that is new for the browser of a session. Throws DeviceCodeUsed when another one was faster. */
export async function claimDeviceCode(code: Claimable, claimedBy: string): Promise<void> {
  code.deviceInfo = { ...code.deviceInfo, claimedBy };
  await code.save();
}
