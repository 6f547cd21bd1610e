import { SECOND } from '#kernel/clock.ts';
import type { Engine } from '../engine.ts';
import { DEVICE_POLL_INTERVAL } from '../limits.ts';

export type Claimable = {
  deviceInfo?: { claimedBy?: string };
  inFlight?: boolean | undefined;
  isExpired: boolean;
  save(): Promise<string>;
};

/** RFC 8628 §3.2. */
export function sayInterval(engine: Engine): void {
  engine.on('device_authorization.success', (_ctx, response) => {
    Object.assign(response, { interval: DEVICE_POLL_INTERVAL / SECOND });
  });
}

/** Takes a code that is new for the browser of a session. Throws DeviceCodeUsed when another one was faster. */
export async function claimDeviceCode(code: Claimable, claimedBy: string): Promise<void> {
  code.deviceInfo = { ...code.deviceInfo, claimedBy };
  await code.save();
}
