/** The TXT record that proves a domain: an administrator of the domain publishes it. */
export const challengeOf = ({ domain, token }: { domain: string; token: string }): { name: string; value: string } => ({
  name: `_latchkey-challenge.${domain}`,
  value: `latchkey-domain-verification=${token}`,
});
