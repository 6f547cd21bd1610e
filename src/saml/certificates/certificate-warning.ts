import { defineEntity, p } from '@mikro-orm/core';

const CertificateWarningSchema = defineEntity({
  name: 'CertificateWarning',
  tableName: 'saml_certificate_warning',
  properties: {
    /** The key, connection or application, with its kind. */
    holder: p.text().primary(),
    /** The last letter was sent so many days before the end: 30, 7, 1, or 0 after it. */
    days: p.integer(),
    /** Another end means another certificate. */
    endsAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** A letter about a certificate that ends (table `saml_certificate_warning`). Mapped for the drift test alone. */
export class CertificateWarning extends CertificateWarningSchema.class {}
CertificateWarningSchema.setClass(CertificateWarning);
