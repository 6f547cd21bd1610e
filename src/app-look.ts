/** How everything looks and reads: the public files, the brand, the pages, the letters. */
import { brandOf, brandStylesheet } from '#kernel/brand.ts';
import { loadStaticFiles } from '#kernel/http/static.ts';
import { createLetters } from '#kernel/mail/letters.ts';
import { createRenderer } from '#kernel/views.ts';
import type { SettingsService } from '#settings/module.ts';
import type { Kernel } from './app-kernel.ts';

export function createLook({ config, mailer }: Kernel, settings: SettingsService) {
  const files = loadStaticFiles();
  const brand = () => brandOf(settings.policy('branding'));
  const publishBrand = () => files.publish('brand.css', brandStylesheet(brand()));
  publishBrand();
  settings.onChange(publishBrand);
  return {
    files,
    renderer: createRenderer({ brand, assetUrl: (name) => files.url(name) }),
    letters: createLetters({ mailer, brand, origin: config.issuerUrl.origin }),
  };
}
