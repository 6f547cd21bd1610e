import { type Brand, type BrandChoice, type BrandFiles, brandOf, brandStylesheet } from '#kernel/brand.ts';
import type { ClientBrandChoice } from '#kernel/brand/choice.ts';
import type { StaticFiles } from '#kernel/http/static.ts';
import { kindOf } from './logo.ts';

/** Uploaded files of a brand. */
export type BrandUploads = { logo: Buffer | null; darkLogo: Buffer | null; stylesheet: string | null };

/** Puts the files of a brand where browsers load them, below a folder of its own. */
export function publishBrand(
  files: Pick<StaticFiles, 'publish' | 'url'>,
  folder: string,
  choice: BrandChoice,
  uploads: BrandUploads | null,
): Brand {
  const put = (name: string, content: Buffer | string): string => {
    files.publish(`${folder}${name}`, content);
    return files.url(`${folder}${name}`);
  };
  const putLogo = (name: string, content: Buffer | null | undefined) => {
    const kind = content ? kindOf(content) : null;
    return content && kind ? { kind, url: put(`${name}.${kind}`, content) } : null;
  };
  const light = putLogo('logo', uploads?.logo);
  const logo: BrandFiles['logo'] = light && {
    url: light.url,
    darkUrl: putLogo('logo-dark', uploads?.darkLogo)?.url ?? null,
    letterUrl: light.kind === 'png' || light.kind === 'jpg' ? light.url : null,
  };
  const derived = put('brand.css', brandStylesheet(brandOf(choice), files.url));
  const custom = uploads?.stylesheet ? put('custom.css', uploads.stylesheet) : null;
  return brandOf(choice, { logo, stylesheets: { derived, custom } });
}

/** Of a client or an organization: what it leaves out comes from the instance. */
export function publishOwnBrand(
  files: Pick<StaticFiles, 'publish' | 'url'>,
  folder: string,
  own: Omit<BrandUploads, 'stylesheet'> & { choice: ClientBrandChoice },
  branding: BrandChoice,
  uploads: BrandUploads | null,
): Brand {
  const { name = branding.name, color } = own.choice;
  const hasOwnLogo = own.logo !== null || name !== branding.name;
  // Related values stay together: a colour with its accent, a name with its logo, a logo with its wordmark.
  const inherited = {
    ...branding,
    ...(color === undefined ? {} : { accent: undefined }),
    ...(hasOwnLogo ? { wordmark: undefined } : {}),
  };
  const { logo, darkLogo } = hasOwnLogo ? own : (uploads ?? { logo: null, darkLogo: null });
  const stylesheet = uploads?.stylesheet ?? null;
  return publishBrand(files, folder, { ...inherited, ...own.choice, name }, { logo, darkLogo, stylesheet });
}
