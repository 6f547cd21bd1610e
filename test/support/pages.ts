/** Every page with every sample of it, as the tests of all pages and the gallery see them. */
import { globSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { activityView } from '#account/activity/activity-view.ts';
import { toldEvents } from '#account/activity/shown-events.ts';
import { shownEventTypes } from '#app/event-types.ts';
import { publishPasswordHelp } from '#credentials/module.ts';
import { defaultBrand, brandStylesheet, type Brand } from '#kernel/brand.ts';
import { loadStaticFiles, type StaticFiles } from '#kernel/http/static.ts';
import type { Language } from '#kernel/i18n.ts';
import { createRenderer, type Renderer, type View } from '#kernel/views.ts';

export type Sample = {
  /** `sign-in/login/password`, the template without its ending. */
  page: string;
  name: string;
  /** `sign-in-login-password--wrong`, for files and addresses. */
  slug: string;
  view: View<object>;
  context: object;
};

const source = resolve(import.meta.dirname, '../../src');

/** A view that nobody lists is found all the same: whatever a `*-view.ts` exports counts. */
export async function allSamples(): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for (const file of globSync('**/*-view.ts', { cwd: source }).toSorted()) {
    const exported = (await import(join(source, file))) as Readonly<Record<string, unknown>>;
    for (const view of Object.values(exported).filter(isView)) {
      const page = view.template.replace(/\.njk$/, '');
      for (const [name, context] of Object.entries(view.samples))
        samples.push({
          page,
          name,
          slug: `${page.replaceAll('/', '-')}--${name.replaceAll(/[^a-z0-9]+/gi, '-')}`,
          view,
          context,
        });
    }
  }
  return [...samples, everyEvent()];
}

/** The activity page with every event that people are told of: no slice below the catalogue could list them. */
function everyEvent(): Sample {
  const { plain } = activityView.samples;
  const events = [...toldEvents(shownEventTypes).values()].map((told) => ({ ...plain!.events[0]!, ...told }));
  return {
    page: 'account/activity/activity',
    name: 'everything that happens',
    slug: 'account-activity-activity--everything-that-happens',
    view: activityView,
    context: { ...plain, events },
  };
}

function isView(value: unknown): value is View<object> {
  return typeof value === 'object' && value !== null && 'template' in value && 'samples' in value;
}

export function brandedFiles(brand: Brand = defaultBrand): StaticFiles {
  const files = loadStaticFiles();
  publishPasswordHelp(files);
  files.publish('brand.css', brandStylesheet(brand, files.url));
  return files;
}

export function strictRenderer(
  files: StaticFiles,
  inspect: (key: string) => void = () => {},
  brand: Brand = defaultBrand,
  basePath = '',
): Renderer {
  return createRenderer({ brand: () => brand, assetUrl: files.url, basePath, inspect });
}

export function renderSample(
  renderer: Renderer,
  { view, context }: Sample,
  language: Language,
  { nonce = 'bm9uY2U', isFramed = false } = {},
): string {
  return renderer.render(view, context, { language, csrf: 'dG9rZW4', nonce, query: '', isFramed });
}
