import { letter } from '#kernel/mail/letters.ts';

export type CertificateKind = 'signing_key' | 'encryption_key' | 'application' | 'provider';

/** To operators, and to administrators of the organization of a connection: certificates for SAML that end soon, or ended. */
type CertificateLetter = {
  /** The first to end first. */
  certificates: readonly { kind: CertificateKind; name: string; endsAt: Date }[];
  /** The kinds among them, each once. */
  kinds: readonly CertificateKind[];
};

const all: CertificateLetter = {
  certificates: [
    { kind: 'application', name: 'Wiki', endsAt: new Date('2026-12-02T10:31:00Z') },
    { kind: 'provider', name: 'Fernway Studio', endsAt: new Date('2026-12-08T10:31:00Z') },
    { kind: 'signing_key', name: 'id.fernway.example', endsAt: new Date('2026-12-30T10:31:00Z') },
    { kind: 'encryption_key', name: 'id.fernway.example', endsAt: new Date('2026-12-30T10:31:00Z') },
  ],
  kinds: ['application', 'provider', 'signing_key', 'encryption_key'],
};

export const certificateLetter = letter<CertificateLetter>('saml/certificates/certificates-end', {
  samples: {
    all,
    'of one application': { certificates: all.certificates.slice(0, 1), kinds: ['application'] },
    hostile: {
      certificates: [{ ...all.certificates[0]!, name: '<script>"Wiki"</script>\r\nBcc: x@evil.example' }],
      kinds: ['application'],
    },
  },
});
