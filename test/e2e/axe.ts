import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { BrowserContext, Page } from 'playwright';

const script = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Into every page that this context opens from now on: much cheaper than into one page after the other. */
export const bringAxe = (context: BrowserContext) => context.addInitScript({ content: script });

export async function loadAxe(page: Page): Promise<void> {
  await page.evaluate(script);
}

/**
 * The findings of axe, as `rule: element`. Only some rules depend on size and theme; the others need to run once.
 * `loadAxe` or `bringAxe` goes before it.
 */
export async function violations(page: Page, rules: 'all' | 'of appearance'): Promise<readonly string[]> {
  return page.evaluate(async (onlyAppearance) => {
    const { axe } = globalThis as unknown as { axe: { run(root: Document, options: object): Promise<AxeResults> } };
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const found = await axe.run(document, {
      resultTypes: ['violations'],
      ...(onlyAppearance
        ? { runOnly: ['color-contrast', 'target-size', 'link-in-text-block'] }
        : { runOnly: tags, rules: { 'target-size': { enabled: true } } }),
    });
    return found.violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
    );
  }, rules === 'of appearance');
}
