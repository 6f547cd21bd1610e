import { type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { addressKey } from '#kernel/http/address.ts';
import { instance } from '#settings/module.ts';
import { UserCodeThrottled } from '../device/device-code.ts';
import { type Patch, source } from './patch.ts';
import { USER_CODE_WINDOW } from '../limits.ts';

type FindByUserCode = (userCode: string, options?: unknown) => Promise<object | undefined>;

/**
 * Wrong user codes in ten minutes, of one user and from one address (IPv6: one /64). Each try is counted before it is looked
 * up; one that was right is taken back.
 */
export const userCodeLimit: Patch = {
  members: { 'DeviceCode.findByUserCode': { method: 1 } },
  reason: 'The engine bounds no guesses of user codes (RFC 8628 §5.1).',
  upstream: source('models/device_code.js'),
  apply(engine, { throttle, policies }) {
    const model = engine.DeviceCode as unknown as { findByUserCode: FindByUserCode };
    const { findByUserCode } = model;
    model.findByUserCode = async function findByLimitedUserCode(userCode, options) {
      const { limits } = policies.for(instance);
      const policy = { name: 'user-code', points: limits.userCodeFailures, duration: USER_CODE_WINDOW };
      const keys = keysOf(Provider.ctx);
      const outcomes = await Promise.all(keys.map((key) => throttle.consume(policy, key)));
      const waits = outcomes.flatMap((outcome) => (outcome.allowed ? [] : [outcome.retryAfter]));
      if (waits.length > 0) throw new UserCodeThrottled(Math.max(...waits));
      const found = await findByUserCode.call(this, userCode, options);
      if (found) await Promise.all(keys.map((key) => throttle.refund(policy, key)));
      return found;
    };
  },
};

function keysOf(ctx: KoaContextWithOIDC | undefined): string[] {
  if (!ctx) return [];
  const accountId = ctx.oidc.session?.accountId;
  return [`address:${addressKey(String(ctx.state['ip']))}`, ...(accountId ? [`account:${accountId}`] : [])];
}
