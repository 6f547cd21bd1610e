import { errors } from 'oidc-provider';
import { readLetters } from '#directory/users/typed/text.ts';
import { SECOND } from '#kernel/clock.ts';
import type { Found } from '../artifacts/artifact-store.ts';
import type { PollRules } from '../artifacts/postgres-artifacts.ts';
import { DEVICE_POLL_INTERVAL } from '../limits.ts';

/** RFC 8628 §3.5: five seconds more for each poll that comes too soon. The network may shorten a wait. */
export const pollRules: PollRules = { interval: DEVICE_POLL_INTERVAL, tolerance: SECOND, growth: 5 * SECOND };

type DeviceRequest = {
  inFlight?: unknown;
  accountId?: unknown;
  error?: unknown;
  deviceInfo?: { claimedBy?: unknown } | undefined;
};

const [CLAIMED, CONFIRMED, DECIDED] = [1, 2, 3];

/** How far the request of a device has come: asked for, claimed by one browser, confirmed there, decided. It only ever goes on. */
export function stageOf({ inFlight, accountId, error, deviceInfo }: DeviceRequest): number {
  if (accountId || error) return DECIDED;
  if (inFlight) return CONFIRMED;
  return deviceInfo?.claimedBy ? CLAIMED : 0;
}

/** Undecided, and this session may decide. */
export function isHeldBy(session: string | undefined, request: DeviceRequest): boolean {
  return session !== undefined && request.deviceInfo?.claimedBy === session && stageOf(request) < DECIDED;
}

/** Undecided. */
export function isPending({ payload, consumedAt }: Found): boolean {
  return consumedAt === null && stageOf(payload) < DECIDED;
}

/** Another request was faster. It has the engine's name for the same case. */
export class DeviceCodeUsed extends errors.OIDCProviderError {
  constructor() {
    super(400, 'invalid_request');
    this.name = 'AlreadyUsedError';
  }
}

/** Letters of a user code, as its mask has them in two groups. */
export const USER_CODE_LENGTH = 8;

/** A user code as it was typed or pasted, in the form of the engine: capital letters without a dash. */
export const readUserCode = (typed: string): string => readLetters(typed).toUpperCase();

/** As a device shows it: `WDJB-MJHT`. */
export const shownUserCode = (typed: string): string => readUserCode(typed).replace(/^.{4}(?=.)/, '$&-');

/** Fewer letters than a user code has: no try. */
export class UserCodeIncomplete extends errors.OIDCProviderError {
  readonly userCode: string;

  constructor(userCode: string) {
    super(400, 'invalid_request');
    this.name = 'IncompleteError';
    this.userCode = userCode;
  }
}

/** Too many wrong codes of one user, or from one address. */
export class UserCodeThrottled extends errors.OIDCProviderError {
  readonly waitSeconds: number;

  constructor(waitSeconds: number) {
    super(429, 'slow_down');
    this.name = 'ThrottledError';
    this.waitSeconds = waitSeconds;
  }
}
