// Scripts improve a page that is complete without them.

// After a refused form the message comes first, also for who cannot see it.
document.querySelector('.notice[role="alert"]')?.focus();

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    const source = document.getElementById(button.dataset.copy);
    const label = button.querySelector('[aria-live]');
    if (!source || !label || label.dataset.text !== undefined) return;
    const text = source.value ?? source.textContent.trim();
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without the permission, or on a page that is not secure, the person copies what we select.
      source.select?.();
      return;
    }
    const words = [...label.childNodes];
    label.dataset.text = '';
    label.replaceChildren(button.dataset.copied);
    setTimeout(() => {
      label.replaceChildren(...words);
      delete label.dataset.text;
    }, 2000);
  });
}

for (const button of document.querySelectorAll('[data-print]')) button.addEventListener('click', () => window.print());

// The browser knows the user's time zone; the server does not. The digits match the rest of the page.
const { lang } = document.documentElement;
const locale = navigator.languages.find((tag) => tag.split('-')[0] === lang && isLocale(tag)) ?? lang;
const styles = { time: { timeStyle: 'short' }, full: { dateStyle: 'long', timeStyle: 'short' }, date: { dateStyle: 'long' } };
for (const time of document.querySelectorAll('time[data-local]')) {
  const date = new Date(time.dateTime);
  if (!Number.isNaN(date.valueOf())) time.textContent = new Intl.DateTimeFormat(locale, { ...styles[time.dataset.local], numberingSystem: 'latn' }).format(date);
}

// A list of languages that is left is closed, as it is in any menu.
const languages = document.querySelector('.languages');
document.addEventListener('click', ({ target }) => languages?.contains(target) || languages?.removeAttribute('open'));
languages?.addEventListener('keydown', ({ key }) => {
  if (key !== 'Escape') return;
  languages.removeAttribute('open');
  languages.querySelector('summary').focus();
});

/** Some systems have names for languages that no standard knows. */
function isLocale(tag) {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}
