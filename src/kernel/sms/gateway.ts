/** The gateway for text messages: the port, and the adapter for an address in the configuration. */
import type { Clock } from '../clock.ts';
import { ConfigError, type Config } from '../config.ts';
import type { Outbound } from '../http/outbound.ts';
import type { SmsGateway } from './delivery.ts';
import { createTwilio } from './twilio.ts';
import { createWebhook, readWebhookSecret } from './webhook.ts';

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
