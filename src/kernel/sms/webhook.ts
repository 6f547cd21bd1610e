import { createHmac } from 'node:crypto';
import { SECOND, type Clock } from '../clock.ts';
import type { Outbound } from '../http/outbound.ts';
import { deliveryOf, type SmsGateway } from './delivery.ts';

const SECRET_BYTES = 32;

/** `whsec_` and base64, as Standard Webhooks writes one; null when it is none or too short. */
export function readWebhookSecret(text: string): Buffer | null {
  const [, encoded] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  const secret = Buffer.from(encoded ?? '', 'base64');
  return secret.length >= SECRET_BYTES ? secret : null;
}

/** A gateway of the operator's own: one JSON object a message, signed as Standard Webhooks 1.0 says. */
export function createWebhook(
  url: URL,
  { secret, outbound, clock }: { secret: Buffer; outbound: Pick<Outbound, 'fetch'>; clock: Clock },
): SmsGateway {
  return {
    async deliver({ id, kind, to, text, signal }) {
      const now = clock.now();
      const body = JSON.stringify({ type: 'sms.send', timestamp: now.toISOString(), data: { kind, to, text } });
      const timestamp = String(Math.floor(now.getTime() / SECOND));
      const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64');
      try {
        const answer = await outbound.fetch(url, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            'webhook-id': id,
            'webhook-timestamp': timestamp,
            'webhook-signature': `v1,${signature}`,
          },
          body,
          signal,
        });
        return deliveryOf(answer.status);
      } catch (error) {
        return { kind: 'unsent', error };
      }
    },
  };
}
