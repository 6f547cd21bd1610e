/** One attempt to hand a text message to a gateway. */
type OutgoingText = {
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
type SmsDelivery = { kind: 'sent' } | { kind: 'refused' | 'unsent'; error: unknown };

export type SmsGateway = { deliver(text: OutgoingText): Promise<SmsDelivery> };

/** Whether a response allows a retry: 4xx is final for this message, except codes about our account or about the rate. */
export function deliveryOf(status: number): SmsDelivery {
  if (status >= 200 && status < 300) return { kind: 'sent' };
  const error = new Error(`the gateway answered ${status}`);
  const isPassing = status < 400 || status >= 500 || [401, 403, 404, 408, 429].includes(status);
  return { kind: isPassing ? 'unsent' : 'refused', error };
}
