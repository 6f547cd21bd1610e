/** How everything looks and reads: the public files, the brand, the pages, the letters. */
import type { AuditLog } from '#audit/module.ts';
import { createBranding } from '#branding/module.ts';
import { loadStaticFiles } from '#kernel/http/static.ts';
import { createLetters } from '#kernel/mail/letters.ts';
import { createRenderer } from '#kernel/views.ts';
import type { Policies, SettingsService } from '#settings/module.ts';
import type { Kernel } from './kernel.ts';

export async function createLook(
  kernel: Kernel,
  nouns: {
    audit: AuditLog;
    policies: Policies;
    settings: SettingsService;
    isClient(clientId: string): Promise<boolean>;
    missingClients(clientIds: readonly string[]): Promise<readonly string[]>;
  },
) {
  const files = loadStaticFiles();
  const branding = await createBranding({ ...kernel, ...nouns, files });
  const brand = () => branding.brands.present();
  return {
    files,
    branding,
    renderer: createRenderer({ brand, assetUrl: (name) => files.url(name) }),
    letters: createLetters({ mailer: kernel.mailer, brand, origin: kernel.config.issuerUrl.origin }),
  };
}
