import { ConfigError } from '../config.ts';
import { isLoopback } from '../issuer.ts';
import type { Outbound } from '../http/outbound.ts';
import { deliveryOf, type SmsGateway } from './delivery.ts';

/**
 * Twilio's Programmable Messaging: `twilio://ACCOUNT:TOKEN@api.twilio.com?from=+12025550123`, or `?service=MG…` for a messaging
 * service. With an API key it is `twilio://KEY:SECRET@api.twilio.com?account=AC…&from=…`.
 */
export function createTwilio(url: URL, outbound: Pick<Outbound, 'fetch'>): SmsGateway {
  const user = decodeURIComponent(url.username);
  const account = url.searchParams.get('account') ?? user;
  const service = url.searchParams.get('service');
  // A plus in a query is a space to some and itself to others: both are meant.
  const from = url.searchParams
    .get('from')
    ?.trim()
    .replace(/^(?=[1-9])/, '+');
  if (!/^AC[0-9a-f]{32}$/i.test(account) || !url.password || (service === null) === (from === undefined))
    throw new ConfigError(
      'SMS_URL for Twilio must be twilio://ACCOUNT_SID:AUTH_TOKEN@api.twilio.com?from=+12025550123, or ?service=MG… in place of from.',
    );
  const scheme = isLoopback(url.hostname) ? 'http' : 'https';
  const endpoint = `${scheme}://${url.host}/2010-04-01/Accounts/${account}/Messages.json`;
  const credentials = Buffer.from(`${user}:${decodeURIComponent(url.password)}`).toString('base64');
  const sender: Record<string, string> = service === null ? { From: from ?? '' } : { MessagingServiceSid: service };

  return {
    async deliver({ to, text, signal }) {
      try {
        const answer = await outbound.fetch(endpoint, {
          method: 'POST',
          headers: { authorization: `Basic ${credentials}` },
          body: new URLSearchParams({ To: to, Body: text, ...sender }),
          signal,
        });
        return deliveryOf(answer.status);
      } catch (error) {
        return { kind: 'unsent', error };
      }
    },
  };
}
