/** How everything looks and reads: the public files, the brand, the pages, the letters. */
import type { AuditLog } from '#audit/module.ts';
import { createBranding } from '#branding/module.ts';
import type { ClientLookup } from '#applications/clients/module.ts';
import { loadStaticFiles } from '#kernel/http/static.ts';
import { basePathOf } from '#kernel/issuer.ts';
import { createLetters } from '#kernel/mail/letters.ts';
import { createRenderer } from '#kernel/views.ts';
import type { Policies, SettingsService } from '#settings/module.ts';
import type { Kernel } from './kernel.ts';

/** Creates public files, brands, pages, mails and text messages. */
export async function createLook(
  { config, clock, database, invalidation, jobs, log, mailer, outbound }: Kernel,
  {
    audit,
    policies,
    settings,
    clients,
  }: {
    audit: AuditLog;
    policies: Policies;
    settings: SettingsService;
    clients: ClientLookup;
  },
) {
  const files = loadStaticFiles();
  const branding = await createBranding({
    clock,
    database,
    invalidation,
    log,
    audit,
    policies,
    settings,
    files,
    clients,
    outbound,
    jobs,
  });
  const brand = () => branding.brands.present();
  return {
    files,
    branding,
    renderer: createRenderer({ brand, assetUrl: (name) => files.url(name), basePath: basePathOf(config.issuerUrl) }),
    letters: createLetters({ mailer, brand, issuer: config.issuer }),
  };
}
