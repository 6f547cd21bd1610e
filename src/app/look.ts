/** How everything looks and reads: the public files, the brand, the pages, the letters. */
import { OwnerLetters } from '#account/module.ts';
import type { AuditLog } from '#audit/module.ts';
import { createBranding } from '#branding/module.ts';
import { type createRevocables, describeActs, tellOwnerByMail } from '#credentials/module.ts';
import type { ClientLookup } from '#applications/clients/module.ts';
import { publishPasswordHelp } from '#credentials/module.ts';
import { loadStaticFiles } from '#kernel/http/static.ts';
import { basePathOf } from '#kernel/issuer.ts';
import { createLetters, type Letters } from '#kernel/mail/letters.ts';
import { createRenderer } from '#kernel/views.ts';
import type { Policies, SettingsService } from '#settings/module.ts';
import { openPlaces } from '#sign-in/risk/module.ts';
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
  publishPasswordHelp(files);
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

type BeforeNotices = { letters: Letters } & Pick<ReturnType<typeof createRevocables>, 'oneTimeSecrets'>;

/** Creates what is said of acts in mails, and the mails about the account and what its owner proves themselves with. */
export function createNotices({ config, clock }: Kernel, { letters, oneTimeSecrets }: BeforeNotices) {
  const { issuer } = config;
  const places = openPlaces(config.geoipFile);
  const describeAct = describeActs({ clock, issuer, oneTimeSecrets, place: places.describe });
  return {
    places,
    describeAct,
    ownerLetters: new OwnerLetters({ issuer, letters, describeAct }),
    tellOwner: tellOwnerByMail({ letters, describeAct, securityUrl: `${issuer}/account/security` }),
  };
}
