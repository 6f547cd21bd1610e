/** The page to look the pictures through: by journey, with a filter for theme, size and name that needs no server. */
import { languages, type Language } from '#kernel/i18n.ts';

export type Exhibit = { kind: 'page' | 'letter'; of: string; name: string; slug: string; caption: string };

export const pictureOf = ({ slug }: Pick<Exhibit, 'slug'>, device: string, theme: string): string =>
  `${slug}.${device}.${theme}.png`;

/** Slices of one journey, in the order in which users see them; a slice without a row is a group of its own. */
const journeys: readonly (readonly [string, readonly string[]])[] = [
  ['Signing in', ['login', 'passwordless', 'passkey', 'risk']],
  ['Creating an account', ['registration', 'waitlist', 'contacts']],
  ['Getting back in', ['recovery']],
  ['Proving it again', ['mfa']],
  ['Saying what an app may do', ['consent', 'device']],
  ['Looking after an account', ['account', 'credentials']],
  ['Signing out', ['logout']],
  ['When something is wrong', ['errors']],
  ['Running an instance', ['setup', 'branding', 'welcome', 'mailbox', 'demo']],
];

export function galleryPage(exhibits: readonly Exhibit[], language: Language): string {
  const slices = [...new Set(exhibits.map(sliceOf))];
  const named = new Set(journeys.flatMap(([, list]) => list));
  const rows = [...journeys, ...slices.filter((slice) => !named.has(slice)).map((slice) => [slice, [slice]] as const)];
  const sections = rows
    .map(([title, list]) => ({ title, shown: exhibits.filter((exhibit) => list.includes(sliceOf(exhibit))) }))
    .filter(({ shown }) => shown.length > 0);
  const contents = sections.map(
    ({ title, shown }) => `<li><a href="#${idOf(title)}">${title}</a> ${shown.length}</li>`,
  );
  const letters = exhibits.filter(({ kind }) => kind === 'letter').length;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Latchkey: every page</title><style>${style}</style></head><body>
<header><h1>Every page of Latchkey</h1>
<p>${exhibits.length - letters} pages and ${letters} letters as they are with each of their samples, in ${languages[language].name}. Each picture opens in full.</p>
<ul class="contents">${contents.join('')}</ul></header>
<div class="line"><i></i></div>
<form class="filters">
${choice('theme', ['both', 'light', 'dark'])}
${choice('size', ['both', 'phone', 'desktop'])}
${choice('kind', ['all', 'pages', 'letters'])}
<label class="search">Name <input type="search" id="name"></label>
</form>
<main>${sections.map(({ title, shown }) => section(title, shown)).join('\n')}</main>
<script>
document.getElementById('name').addEventListener('input', ({ target }) => {
  for (const figure of document.querySelectorAll('figure'))
    figure.hidden = !figure.dataset.name.includes(target.value.trim().toLowerCase());
});
</script>
</body></html>
`;
}

const sliceOf = ({ of }: Exhibit): string => of.split('/')[0]!;
const idOf = (title: string): string => title.toLowerCase().replaceAll(/[^a-z]+/g, '-');

function section(title: string, shown: readonly Exhibit[]): string {
  const pages = [...new Set(shown.map(({ kind, of }) => `${kind} ${of}`))].map((page) => {
    const figures = shown.filter(({ kind, of }) => `${kind} ${of}` === page);
    const { kind, of } = figures[0]!;
    return `<article class="${kind}"><h3>${of}${kind === 'letter' ? ' <small>letter</small>' : ''}</h3><div class="wall">${figures.map(figure).join('')}</div></article>`;
  });
  return `<section id="${idOf(title)}"><h2>${title}</h2>${pages.join('\n')}</section>`;
}

function figure(exhibit: Exhibit): string {
  const pictures = ['phone', 'desktop'].flatMap((device) =>
    ['light', 'dark'].map((theme) => {
      const file = pictureOf(exhibit, device, theme);
      return `<a class="${device} ${theme}" href="${file}"><img loading="lazy" src="${file}" alt="${escaped(exhibit.name)}, ${device}, ${theme}"></a>`;
    }),
  );
  const search = escaped(`${exhibit.of} ${exhibit.name}`.toLowerCase());
  return `<figure data-name="${search}"><figcaption>${escaped(exhibit.caption)}</figcaption><div>${pictures.join('')}</div></figure>`;
}

function choice(name: string, options: readonly string[]): string {
  const radios = options.map(
    (option, at) =>
      `<label><input type="radio" name="${name}" value="${option}"${at === 0 ? ' checked' : ''}> ${option}</label>`,
  );
  return `<fieldset><legend>${name[0]!.toUpperCase()}${name.slice(1)}</legend>${radios.join('')}</fieldset>`;
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

const style = `
:root { --page: light-dark(#f2f4f5, #0f1113); --surface: light-dark(#fff, #17191c); --line: light-dark(#dbdfe3, #2d3238);
  --firm: light-dark(#808791, #78818c); --ink: light-dark(#15181c, #eceff1); --ink-2: light-dark(#545b65, #a6aeb8);
  --bolt: light-dark(#aa6f00, #c78b2f); color-scheme: light dark; }
* { box-sizing: border-box; } body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); }
header, main, .filters { max-width: 96rem; margin-inline: auto; padding: 1.5rem clamp(1rem, 3vw, 2.5rem); }
h1 { margin: 1.5rem 0 .25rem; font-size: 2rem; letter-spacing: -.015em; } h2 { margin: 3rem 0 0; font-size: 1.5rem; letter-spacing: -.012em; scroll-margin-top: 5rem; }
h3 { margin: 1.5rem 0 .5rem; font: 560 .9375rem/1.5 ui-monospace, monospace; } small { color: var(--ink-2); font-weight: 400; }
header p { margin: 0; color: var(--ink-2); } a { color: inherit; text-underline-offset: .2em; text-decoration-thickness: 1px; }
.contents { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 1rem 0 0; padding: 0; color: var(--ink-2); font-size: .875rem; } .contents a { color: var(--ink); }
.line { height: 1px; background: var(--firm); } .line i { display: block; width: 2.75rem; height: 7px; margin-left: clamp(1rem, 3vw, 2.5rem); translate: 0 -3px; background: var(--bolt); clip-path: polygon(0 0, 100% 0, calc(100% - 5px) 100%, 0 100%); }
.filters { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .5rem 2rem; padding-block: .75rem; background: var(--page); border-bottom: 1px solid var(--line); font-size: .875rem; }
fieldset { display: flex; gap: .75rem; margin: 0; padding: 0; border: 0; } legend { float: left; font-weight: 560; margin-right: .25rem; } .search { margin-left: auto; font-weight: 560; } input[type=search] { font: inherit; padding: .25rem .5rem; border: 1px solid var(--firm); border-radius: 6px; background: var(--surface); color: inherit; }
.wall { display: flex; gap: 1.5rem; overflow-x: auto; padding: .25rem 0 1rem; align-items: start; } figure { flex: none; margin: 0; } figure[hidden] { display: none; }
figcaption { font-size: .8125rem; color: var(--ink-2); max-width: 40rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; margin-bottom: .375rem; } figure > div { display: flex; gap: .5rem; align-items: start; }
figure > div > a { display: block; border: 1px solid var(--line); border-radius: 8px; overflow: hidden; background: var(--surface); } img { display: block; height: 26rem; max-height: 60vh; width: auto; min-width: 8rem; object-fit: cover; object-position: top; }
body:has([name=theme][value=light]:checked) a.dark, body:has([name=theme][value=dark]:checked) a.light, body:has([name=size][value=phone]:checked) a.desktop, body:has([name=size][value=desktop]:checked) a.phone, body:has([name=kind][value=pages]:checked) .letter, body:has([name=kind][value=letters]:checked) .page { display: none; }
section:not(:has(figure:not([hidden]))), article:not(:has(figure:not([hidden]))) { display: none; }
`;
