import { Provider } from 'oidc-provider';
import type { Claimable } from '../device/device-claim.ts';
import { DeviceCodeUsed } from '../device/device-code.ts';
import { type Patch, source } from './patch.ts';

type FindByUserCode = (userCode: string, options?: unknown) => Promise<Claimable | undefined>;

export const deviceClaims: Patch = {
  members: { 'DeviceCode.findByUserCode': { method: 1 } },
  reason:
    'A code belongs to the browser in which it was entered first: no other can confirm it, or be shown a request that another user is answering.',
  upstream: source('models/device_code.js'),
  apply(engine) {
    const model = engine.DeviceCode as unknown as { findByUserCode: FindByUserCode };
    const { findByUserCode } = model;
    model.findByUserCode = async function findByOwnUserCode(userCode, options) {
      const code = await findByUserCode.call(this, userCode, options);
      const owner = code?.deviceInfo?.claimedBy;
      if (owner !== undefined && owner !== Provider.ctx?.oidc.session?.uid) throw new DeviceCodeUsed();
      return code;
    };
  },
};
