/**
 * Text messages. As with mails, `send` writes a job in the caller's transaction and is done; a worker delivers after the answer.
 * A message goes only where the policy lets it go: there is no country to begin with.
 */
import { randomUUID } from 'node:crypto';
import { fromNow, MINUTE, SECOND, type Clock } from '../clock.ts';
import { type Config, ConfigError } from '../config.ts';
import type { Database, EntityManager } from '../database.ts';
import { AppError, unreachable } from '../errors.ts';
import type { Job, Jobs } from '../jobs.ts';
import type { Log } from '../log.ts';
import { isPhoneNumber, maskPhoneNumber } from './number.ts';
import { purgeSmsDays, type SmsLimits, takeSms } from './quota.ts';
import { SMS_LIFETIME } from './limits.ts';
import type { Outbound } from '../http/outbound.ts';
import type { SmsGateway } from './delivery.ts';
import { createTwilio } from './twilio.ts';
import { createWebhook, readWebhookSecret } from './webhook.ts';

/** The gateway for text messages: the port, and the adapter for an address in the configuration. */

/** Undefined where nothing is configured. */
function createGateway(
  { smsUrl, smsSecret }: Pick<Config, 'smsUrl' | 'smsSecret'>,
  { outbound, clock }: { outbound: Pick<Outbound, 'fetch'>; clock: Clock },
): SmsGateway | undefined {
  if (smsUrl === undefined) return undefined;
  const url = new URL(smsUrl);
  if (url.protocol === 'twilio:') return createTwilio(url, outbound);
  const secret = readWebhookSecret(smsSecret ?? '');
  if (!secret)
    throw new ConfigError(
      'SMS_SECRET must be whsec_ and at least 32 bytes in base64, to sign what is posted to SMS_URL. Make one with: echo whsec_$(openssl rand -base64 32)',
    );
  return createWebhook(url, { secret, outbound, clock });
}

export type TextMessage = {
  /** The purpose in one word such as `second_factor_sms`: limits count by it and the log names it. */
  kind: string;
  /** A stored number (E.164), never one that a visitor has just typed. */
  to: string;
  text: string;
  /** When what it says is no longer true; it is not delivered after that. Ten minutes unless said otherwise. */
  expiresAt?: Date | undefined;
  /** The client address that caused it. */
  ip?: string | undefined;
  /** The part of the recipient's limit in which it is counted; by default the common part. */
  share?: string | undefined;
  /** It has no recipient: it is written like any other and discarded by the worker, so that the time is the same. */
  discard?: boolean | undefined;
};

export type SmsPolicy = SmsLimits & {
  /** Beginnings of the numbers that are served, without the plus: calling codes mostly. */
  countries: readonly string[];
  /** Beginnings within them that are not. */
  exceptions: readonly string[];
};

/** Where messages go while there is no gateway. */
export type TextBox = { keepText(text: { to: string; text: string }): Promise<void> };

export type Sms = {
  /** Whether messages are sent at all: a country is allowed and a gateway exists. Check it before a page offers one. */
  isOn(): boolean;
  /** Whether a message to this number would be sent. For answers to the owner of the number alone. */
  reaches(number: string): boolean;
  /**
   * Where the policy says no, and above the limits, nothing is sent, and the response does not reveal it. False when a limit held it back:
   * for the caller to keep an older message good, and for no answer.
   *
   * @throws AppError sms.number_invalid
   */
  send(message: TextMessage, em?: EntityManager): Promise<boolean>;
};

type Options = {
  config: Pick<Config, 'smsUrl' | 'smsSecret'>;
  clock: Clock;
  database: Pick<Database, 'sql' | 'transaction'>;
  jobs: Pick<Jobs, 'define' | 'send'>;
  outbound: Pick<Outbound, 'fetch'>;
  log: Log;
  /** Undefined if no mailbox page may exist. */
  mailbox: TextBox | undefined;
  policy: () => SmsPolicy;
};

/** The payload of a job. */
type Parcel = { id: string; kind: string; to: string; text: string; expiresAt: string; isDiscarded: boolean };

const QUEUE = 'sms';

/** Defines its queue, so call it before the jobs are opened. */
export function createSms({ config, clock, database, jobs, outbound, log, mailbox, policy }: Options): Sms {
  const gateway = createGateway(config, { outbound, clock });
  const isCarried = gateway !== undefined || mailbox !== undefined;

  jobs.define(QUEUE, {
    handler: work,
    describe: (data) => about(data as Parcel),
    retries: 12,
    backoff: { first: 2 * SECOND, max: MINUTE },
    expire: 30 * SECOND,
    concurrency: 4,
  });
  jobs.define('sms-clean-up', {
    handler: async () => void (await purgeSmsDays(database, clock)),
    retries: 1,
    backoff: { first: MINUTE, max: MINUTE },
    expire: 5 * MINUTE,
    schedule: '23 3 * * *',
  });

  function reaches(number: string): boolean {
    const { countries, exceptions } = policy();
    const begins = (beginning: string): boolean => number.startsWith(`+${beginning}`);
    return isCarried && isPhoneNumber(number) && countries.some(begins) && !exceptions.some(begins);
  }

  async function send(message: TextMessage, em?: EntityManager): Promise<boolean> {
    if (!em) return database.transaction((em) => send(message, em));
    const { kind, to, text, ip, share } = message;
    if (!isPhoneNumber(to))
      throw new AppError({
        code: 'sms.number_invalid',
        status: 422,
        message: 'Enter a phone number with its country code, like +12025550123.',
      });
    const isDiscarded = message.discard === true || !reaches(to);
    const quota = await takeSms(em, clock, policy(), { kind, to, share, ip, isDiscarded });
    if (quota === 'day_is_over')
      log.error(about({ kind, to }), 'a text message was held back: the day has had all it may (sms.perDay)');
    else if (quota === 'limited') log.warn({ ...about({ kind, to }), ip }, 'a text message was held back by its limit');
    else if (isDiscarded && !message.discard)
      log.warn(about({ kind, to }), 'a text message was held back: sms.countries does not allow it');
    const parcel: Parcel = {
      id: `msg_${randomUUID()}`,
      kind,
      to,
      text,
      expiresAt: (message.expiresAt ?? fromNow(clock, SMS_LIFETIME)).toISOString(),
      isDiscarded: isDiscarded || quota !== 'granted',
    };
    await jobs.send(QUEUE, parcel, { em });
    return quota === 'granted';
  }

  async function work({ id, data, signal }: Job): Promise<void> {
    const parcel = data as Parcel;
    const fields = { ...about(parcel), job: id };
    if (parcel.isDiscarded) return;
    if (new Date(parcel.expiresAt) <= clock.now())
      return log.warn(fields, 'a text message was not delivered in time and is dropped');
    if (gateway) return deliver(gateway, parcel, { signal, fields });
    if (!mailbox) return log.error(fields, 'a text message was held back: set SMS_URL so that it can be sent');
    await mailbox.keepText(parcel);
    log.info(fields, 'a text message was kept: read it at /dev/mailbox');
  }

  async function deliver(
    gateway: SmsGateway,
    parcel: Parcel,
    { signal, fields }: { signal: AbortSignal; fields: object },
  ): Promise<void> {
    const outcome = await gateway.deliver({ ...parcel, signal });
    switch (outcome.kind) {
      case 'sent':
        return log.info(fields, 'a text message was sent');
      case 'refused':
        return log.error({ ...fields, err: outcome.error }, 'a text message was refused');
      case 'unsent':
        throw outcome.error;
      default:
        return unreachable(outcome);
    }
  }

  return { isOn: () => isCarried && policy().countries.length > 0, reaches, send: (message, em) => send(message, em) };
}

/** The message, and its recipient as far as a log may say. */
function about({ kind, to }: { kind: string; to: string }): { sms: string; to: string } {
  return { sms: kind, to: maskPhoneNumber(to) };
}
