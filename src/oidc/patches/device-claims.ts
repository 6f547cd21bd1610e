import { Provider } from 'oidc-provider';
import { type Claimable, claimDeviceCode } from '../device/device-claim.ts';
import { DeviceCodeUsed, isHeldBy, stageOf } from '../device/device-code.ts';
import { type Patch, source } from './patch.ts';

type FindByUserCode = (userCode: string, options?: unknown) => Promise<Claimable | undefined>;

export const deviceClaims: Patch = {
  members: { 'DeviceCode.findByUserCode': { method: 1 } },
  reason:
    'A code belongs to the browser in which it was entered first: no other can confirm it, or be shown a request that another user is answering. That browser may confirm again, when the sign-in that followed was left.',
  upstream: source('models/device_code.js'),
  apply(engine) {
    const model = engine.DeviceCode as unknown as { findByUserCode: FindByUserCode };
    const { findByUserCode } = model;
    model.findByUserCode = async function findByOwnUserCode(userCode, options) {
      const code = await findByUserCode.call(this, userCode, options);
      const session = Provider.ctx?.oidc.session?.uid;
      if (!code || code.isExpired) return code;
      const owner = code.deviceInfo?.claimedBy;
      if (owner !== undefined && owner !== session) throw new DeviceCodeUsed();
      if (session !== undefined && stageOf(code) === 0) await claimDeviceCode(code, session);
      // The engine refuses a code that was confirmed. Which of several sign-ins decides, the store says.
      else if (isHeldBy(session, code)) code.inFlight = undefined;
      return code;
    };
  },
};
