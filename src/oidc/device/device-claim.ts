import { type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { DeviceCodeUsed } from './device-code.ts';
import type { Engine } from '../engine.ts';

type Claimable = { deviceInfo?: { claimedBy?: string }; save(): Promise<string> };
type FindByUserCode = (userCode: string, options?: unknown) => Promise<Claimable | undefined>;

/** RFC 8628 §3.2: how long a device waits between two polls, unless it is told to slow down. */
const INTERVAL_SECONDS = 5;

/**
 * A code belongs to the browser in which it was entered first: nobody else can then confirm it, and nobody can be shown a
 * request that somebody else is answering.
 */
export function claimDeviceCodes(engine: Engine): void {
  const model = engine.DeviceCode as unknown as { findByUserCode: FindByUserCode };
  const { findByUserCode } = model;
  model.findByUserCode = async function findByOwnUserCode(userCode, options) {
    const code = await findByUserCode.call(this, userCode, options);
    const owner = code?.deviceInfo?.claimedBy;
    if (owner !== undefined && owner !== Provider.ctx?.oidc.session?.uid) throw new DeviceCodeUsed();
    return code;
  };
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
