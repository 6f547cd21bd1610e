/** The buttons of providers by their brand rules (docs/social.md#buttons): the whole sentence in every language, one size, marks in their own colours. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { providerNames } from '#connections/providers/provider.ts';
import { type Language, languages, loadMessages } from '#kernel/i18n.ts';
import { manyButtons } from '#sign-in/interaction/module.ts';
import { identifierView } from '../../../src/sign-in/login/identifier-view.ts';
import { brandedFiles, renderSample, strictRenderer } from '../../support/pages.ts';
import { unescaped } from '../../support/visitor.ts';

const renderer = strictRenderer(brandedFiles());
const context = identifierView.samples['with many providers']!;
const page = { page: '', name: '', slug: '', view: identifierView, context };

/** The buttons of providers on the page, in their order. */
const buttonsIn = (language: Language) =>
  [...renderSample(renderer, page, language).matchAll(/<button ([^>]*)>(.*?)<\/button>/gs)].flatMap(
    ([, attributes = '', content = '']) => {
      const [address = '', slug] = /\sformaction="[^"]*\/federation\/([\w-]+)"/.exec(attributes) ?? [];
      if (slug === undefined) return [];
      const shown = content.replaceAll(/<svg.*?<\/svg>|<span class="tag">.*?<\/span>|<[^>]+>/gs, '');
      const fills = new Set([...content.matchAll(/fill="([^"]+)"/g)].map(([, fill]) => fill));
      return [{ slug, attributes: attributes.replace(address, ''), text: unescaped(shown.trim()), fills: [...fills] }];
    },
  );

test.each(Object.keys(languages) as Language[])('say the whole sentence alike in %s', (language) => {
  const buttons = buttonsIn(language);
  const [last, ...others] = buttons.map(({ slug }) => slug);
  expect(last).toBe('slack');
  expect(others).toEqual(manyButtons.providers.map(({ slug }) => slug).filter((slug) => slug !== 'slack'));
  for (const { slug, text, attributes } of buttons) {
    const { name } = manyButtons.providers.find((offered) => offered.slug === slug)!;
    expect(text).toBe(loadMessages().text(language, 'federation.continue', { provider: name }));
    expect(attributes).toBe('class="btn full" form="way-in" name="action" value="federation"');
  }
});

test('have the marks of their providers in the colours of the brand', () => {
  const fills = Object.fromEntries(buttonsIn('en').map(({ slug, fills: found }) => [slug, found]));
  expect(fills).toEqual({
    google: ['#4285F4', '#34A853', '#FBBC05', '#EA4335'],
    microsoft: ['#F25022', '#7FBA00', '#00A4EF', '#FFB900'],
    // The colour of the text: black or white.
    github: ['currentColor'],
    apple: ['currentColor'],
    x: ['currentColor'],
    // White letters also on a dark page.
    facebook: ['#fff', '#0866FF'],
    linkedin: ['#fff', '#0A66C2'],
    gitlab: ['#E24329', '#FC6D26', '#FCA326'],
    discord: ['#5865F2'],
    slack: ['#E01E5A', '#36C5F0', '#2EB67D', '#ECB22E'],
    fernway: [],
    orchard: [],
  });
});

describe('docs/social.md', () => {
  const text = readFileSync(new URL('../../../docs/social.md', import.meta.url), 'utf8');
  test.each(providerNames.filter((name) => !['oidc', 'oauth2', 'saml'].includes(name)))(
    'has steps and brand rules for %s',
    (provider) => {
      const { name } = manyButtons.providers.find((offered) => offered.provider === provider)!;
      expect(text).toContain(`\n### ${name}\n`);
      expect(text).toMatch(new RegExp(`^\\| ${name} \\| \\[.*\\]\\(https://`, 'm'));
      expect(text).toContain(`latchkey connection create ${provider} ${provider} `);
    },
  );
});
