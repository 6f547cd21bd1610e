/** The preview of every page for administrators, in the present or a proposed brand. Nothing here is stored. */
import { z } from 'zod';
import { type Brand, type BrandChoice, brandOf } from '#kernel/brand.ts';
import { brandChoice } from '#kernel/brand/choice.ts';
import { chooseLanguage, type Language } from '#kernel/i18n.ts';
import { declaredViews, type View } from '#kernel/views.ts';
import { choices, type PreviewPage, type Proposal } from './preview-view.ts';

type Query = Readonly<Record<string, string | string[] | undefined>>;

export const PREVIEW_PATH = '/branding/preview';

const { color, accent, radius, font, background } = brandChoice;
const fields = { name: z.string().min(1).max(64), color, accent, radius, font, background };
type Field = keyof typeof fields;

/** The brand that the query proposes: what it leaves out, or says in a way that cannot be, is as it is now. */
export function proposedBrand(
  query: Query,
  present: BrandChoice,
  worn: Brand,
): { brand: Brand; proposal: Proposal; wrong: readonly Field[] } {
  const isAsked = query['name'] !== undefined;
  const typed = (field: Field): string => {
    const value = isAsked ? query[field] : present[field];
    return typeof value === 'string' ? value.trim() : '';
  };
  const names = Object.keys(fields) as Field[];
  const wrong = names.filter((field) => !fields[field].safeParse(typed(field) || undefined).success);
  const chosen = Object.fromEntries(
    names.map((field) => [field, wrong.includes(field) ? present[field] : typed(field) || undefined]),
  ) as BrandChoice;
  const { logo } = worn;
  const hasLogo = logo.kind === 'image' ? { url: logo.url, darkUrl: logo.darkUrl, letterUrl: null } : null;
  const proposal = {
    name: typed('name'),
    color: typed('color'),
    accent: typed('accent'),
    radius: typed('radius') || 'soft',
    font: typed('font') || 'hyperlegible',
    background: typed('background') || 'plain',
    language: languageOf(query),
    theme: themeOf(query) ?? '',
  };
  const derived = `${PREVIEW_PATH}/brand.css?${new URLSearchParams(proposal).toString()}`;
  const brand = brandOf(
    { ...present, ...chosen },
    { logo: hasLogo, stylesheets: { derived, custom: worn.stylesheets.custom } },
  );
  return { brand, proposal, wrong };
}

/** The language of the preview from its query; the default language if it names none. */
export const languageOf = ({ language }: Query): Language => chooseLanguage({ uiLocales: String(language ?? '') });

/** The theme of the preview from its query; null follows the browser. */
export const themeOf = ({ theme }: Query): 'light' | 'dark' | null =>
  theme === 'light' || theme === 'dark' ? theme : null;

/** The pages of one slice, each with its samples in a frame. */
export function previewOf(query: Query, proposal: Proposal, wrong: readonly Field[]): PreviewPage {
  const views = declaredViews();
  const slices = [...new Set(views.map(sliceOf))].toSorted();
  const here = slices.find((slice) => slice === query['slice']) ?? 'sign-in/login';
  const parameters = (more: Record<string, string>) => new URLSearchParams({ ...proposal, ...more }).toString();
  return {
    proposal,
    wrong,
    choices,
    slices: slices.map((name) => ({
      name,
      href: `${PREVIEW_PATH}?${parameters({ slice: name })}`,
      isHere: name === here,
    })),
    frames: views
      .filter((view) => sliceOf(view) === here)
      .flatMap((view) =>
        Object.keys(view.samples).map((sample) => ({
          page: pageOf(view),
          sample,
          src: `${PREVIEW_PATH}/frame?${parameters({ view: pageOf(view), sample })}`,
        })),
      ),
  };
}

/** A page with one of its samples; null for a name that none has. */
export function sampleOf({ view: page, sample }: Query): { view: View<object>; context: object } | null {
  const view = declaredViews().find((candidate) => pageOf(candidate) === page);
  if (!view || typeof sample !== 'string' || !Object.hasOwn(view.samples, sample)) return null;
  return { view, context: view.samples[sample]! };
}

const pageOf = ({ template }: View<object>): string => template.replace(/\.njk$/, '');
const sliceOf = ({ template }: View<object>): string => template.slice(0, template.lastIndexOf('/'));
