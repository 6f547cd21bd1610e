import { Provider, type KoaContextWithOIDC } from 'oidc-provider';
import type { FormHolder } from '../device/device-forms.ts';
import { type Patch, source } from './patch.ts';
import { type Claimable, claimDeviceCode } from '../device/device-claim.ts';
import {
  DeviceCodeUsed,
  isHeldBy,
  readUserCode,
  stageOf,
  USER_CODE_LENGTH,
  UserCodeIncomplete,
  UserCodeThrottled,
} from '../device/device-code.ts';
import { addressKey } from '#kernel/http/address.ts';
import { instance } from '#settings/module.ts';
import { USER_CODE_WINDOW } from '../limits.ts';

type SessionModel = FormHolder & { state?: unknown; save(ttl: number): Promise<string> };

/** Here every page about devices holds the same token, and its form can be sent twice. */
export const deviceForms: Patch = {
  members: { 'Session.prototype.save': { method: 1 } },
  reason:
    'The engine makes another token for each page about devices, and forgets it with the first form: a second tab, or a form that is sent twice, would be refused.',
  upstream: source('actions/code_verification.js'),
  apply(engine, { forms }) {
    const model = engine.Session.prototype as unknown as SessionModel;
    const { save } = model;
    model.save = function saveWithForms(ttl) {
      if (Provider.ctx?.oidc.route === 'code_verification') this.state = { secret: forms.tokenOf(this) };
      return save.call(this, ttl);
    };
  },
};

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

type FindAnyByUserCode = (userCode: string, options?: unknown) => Promise<object | undefined>;

/**
 * Wrong user codes in ten minutes, of one user and from one address (IPv6: one /64). Each try is counted before it is looked
 * up; one that was right is taken back.
 */
export const userCodeLimit: Patch = {
  members: { 'DeviceCode.findByUserCode': { method: 1 } },
  reason:
    'The engine bounds no guesses of user codes (RFC 8628 §5.1), and reads none that was pasted in full-width letters or with invisible characters.',
  upstream: source('models/device_code.js'),
  apply(engine, { throttle, policies }) {
    const model = engine.DeviceCode as unknown as { findByUserCode: FindAnyByUserCode };
    const { findByUserCode } = model;
    model.findByUserCode = async function findByLimitedUserCode(normalized, options) {
      const userCode = typedCode(Provider.ctx) ?? normalized;
      if (userCode.length < USER_CODE_LENGTH) throw new UserCodeIncomplete(userCode);
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

/** As the browser sent it: the engine drops what it takes for no letter. */
function typedCode(ctx: KoaContextWithOIDC | undefined): string | null {
  const typed = ctx?.oidc.params?.['user_code'];
  return typeof typed === 'string' ? readUserCode(typed) : null;
}

function keysOf(ctx: KoaContextWithOIDC | undefined): string[] {
  if (!ctx) return [];
  const accountId = ctx.oidc.session?.accountId;
  return [`address:${addressKey(String(ctx.state['ip']))}`, ...(accountId ? [`account:${accountId}`] : [])];
}
