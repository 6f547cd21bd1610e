import { isIP } from 'node:net';
import { z } from 'zod';

/** The bits of an address by its version. */
const widest: Readonly<Record<number, number>> = { 4: 32, 6: 128 };

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const most = widest[address.includes('%') ? 0 : isIP(address)];
  return (
    most !== undefined && rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
  );
}

const network = z.string().max(64).refine(isNetwork, 'must be a network such as 203.0.113.0/24');

export const networkPolicy = z.strictObject({
  allowed: z.array(network).min(1).max(200).optional(),
});
