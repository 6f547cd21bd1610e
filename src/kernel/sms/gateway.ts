/** Who carries text messages: the port, and which adapter an address in the configuration means. */
import type { Clock } from '#kernel/clock.ts';
import { ConfigError, type Config } from '#kernel/config.ts';
import type { Outbound } from '#kernel/http/outbound.ts';
import { createTwilio } from './twilio.ts';
import { createWebhook, readWebhookSecret } from './webhook.ts';

export type OutgoingText = {
  /** The same in each attempt. */
  id: string;
  kind: string;
  /** E.164. */
  to: string;
  text: string;
  signal: AbortSignal;
};

/**
 * sent     the gateway took it
 * refused  it never will: this number, this text
 * unsent   it did not, perhaps next time
 */
export type SmsDelivery = { kind: 'sent' } | { kind: 'refused' | 'unsent'; error: unknown };

export type SmsGateway = { deliver(text: OutgoingText): Promise<SmsDelivery> };

/** Undefined where nothing is configured. */
export function createGateway(
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

/** What an answer says about trying again: 4xx is about this message, except where it is about us or about the hour. */
export function deliveryOf(status: number): SmsDelivery {
  if (status >= 200 && status < 300) return { kind: 'sent' };
  const error = new Error(`the gateway answered ${status}`);
  const isPassing = status < 400 || status >= 500 || [401, 403, 404, 408, 429].includes(status);
  return { kind: isPassing ? 'unsent' : 'refused', error };
}
