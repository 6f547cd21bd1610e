// Scripts improve a page that is complete without them.

// After a refused form the message comes first, also for who cannot see it. A single error has its field focused already.
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

// A button that was pressed shows that it works, until the next page is there or this one is shown again.
document.addEventListener('submit', ({ target, submitter, defaultPrevented }) => {
  for (const other of target.querySelectorAll('[data-pressed]')) delete other.dataset.pressed;
  if (submitter) submitter.dataset.pressed = '';
  if (!defaultPrevented && !target.hasAttribute('data-stays')) target.setAttribute('aria-busy', 'true');
});
addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('form[aria-busy]')) form.removeAttribute('aria-busy');
});

// A password can be looked at. It is hidden again before it is sent, so that browsers know it as one.
for (const button of document.querySelectorAll('[data-reveal]')) {
  const field = document.getElementById(button.dataset.reveal);
  const reveal = (isShown) => {
    field.type = isShown ? 'text' : 'password';
    button.setAttribute('aria-pressed', String(isShown));
  };
  button.addEventListener('click', () => {
    reveal(field.type === 'password');
    field.focus();
  });
  field.form?.addEventListener('submit', () => reveal(false));
  const note = field.closest('.field').querySelector('[data-caps]');
  const look = (event) => {
    if (!event.getModifierState) return;
    const text = event.getModifierState('CapsLock') ? note.dataset.caps : '';
    if (note.textContent !== text) note.textContent = text;
  };
  for (const type of ['keydown', 'keyup', 'mousedown']) field.addEventListener(type, look);
  field.addEventListener('blur', () => (note.textContent = ''));
}

// Until another code may be asked for: the server counts the same seconds.
for (const note of document.querySelectorAll('[data-wait]')) {
  const seconds = new Intl.NumberFormat(lang, { style: 'unit', unit: 'second', unitDisplay: 'long', numberingSystem: 'latn' });
  const buttons = document.querySelectorAll('button[data-resend]');
  const ends = performance.now() + Number(note.dataset.wait) * 1000;
  const count = () => {
    const left = Math.ceil((ends - performance.now()) / 1000);
    for (const button of buttons) button.disabled = left > 0;
    note.hidden = left <= 0;
    if (left <= 0) return;
    if (note.dataset.text) note.textContent = note.dataset.text.replace('%', seconds.format(left));
    setTimeout(count, 1000);
  };
  count();
}

// A code is digits alone, however it is typed or pasted. The last of them sends it, once.
for (const field of document.querySelectorAll('[data-digits]')) {
  const count = Number(field.dataset.digits);
  let isSent = false;
  field.addEventListener('input', ({ isComposing }) => {
    if (isComposing) return;
    const digits = digitsIn(field.value).slice(0, count);
    if (field.value !== digits) field.value = digits;
    if (digits.length < count || isSent || field.form.getAttribute('aria-busy') === 'true') return;
    isSent = true;
    field.form.requestSubmit(field.form.querySelector('button.primary'));
  });
}

// Where the browser has no passkeys, no button asks for one, and the next way takes its place.
if (!globalThis.PublicKeyCredential) {
  for (const button of document.querySelectorAll('[data-passkey-start], [data-needs-passkeys]')) {
    const { form } = button;
    const isMain = button.classList.contains('primary');
    button.remove();
    const next = form.querySelector('.btn') ?? (form.matches('[data-passkey]') ? document.querySelector('main .taplink') : null);
    if (isMain && next) next.className = 'btn primary full';
    if (!form.querySelector('.btn')) withdraw(form);
  }
  for (const notice of document.querySelectorAll('[data-no-passkeys]')) notice.hidden = false;
}

// Typed texts outlive a change of the language: they are kept in this tab, for the next page alone.
const fields = [...document.querySelectorAll('main form :is(input, select, textarea)')].filter(
  ({ type, name, autocomplete }) => name && !/^(?:hidden|password|radio|file|submit)$/.test(type) && !/code/.test(name + autocomplete),
);
for (const link of document.querySelectorAll('.languages a')) {
  link.addEventListener('click', () => {
    const values = fields.map(({ name, type, checked, value }) => [name, type === 'checkbox' ? checked : value]);
    attempt(() => sessionStorage.setItem('typed', JSON.stringify({ path: location.pathname, values })));
  });
}
attempt(() => {
  const { path, values } = JSON.parse(sessionStorage.getItem('typed') ?? '{}');
  sessionStorage.removeItem('typed');
  if (path !== location.pathname) return;
  for (const [name, value] of values) {
    const field = fields.find((each) => each.name === name);
    if (field?.type === 'checkbox') field.checked = value;
    else if (field) field.value = value;
  }
});

// The rules for a new password, and the domains that many users have, are long: they are fetched for who types.
for (const live of document.querySelectorAll('[data-live]')) {
  const field = document.getElementById(live.dataset.live);
  const begin = async () => (await import(live.dataset.scriptUrl)).watch(field, live);
  if (field.value) void begin();
  else field.addEventListener('input', begin, { once: true });
}

/** Where a browser keeps nothing, nothing is kept. */
function attempt(act) {
  try {
    act();
  } catch {}
}

/** A form without a button says nothing, nor does an "or" with nothing after it. */
function withdraw(form) {
  const { parentElement: group } = form;
  form.remove();
  if (group.childElementCount > 0 || !group.previousElementSibling?.matches('.or')) return;
  group.previousElementSibling.remove();
  group.remove();
}

/** The digits of a text in any script, as ASCII. */
function digitsIn(text) {
  return [...text.normalize('NFKC')].map(asciiDigit).join('');
}

function asciiDigit(character) {
  if (!isDigit(character)) return '';
  const place = character.codePointAt(0);
  let zero = place;
  while (isDigit(String.fromCodePoint(zero - 1))) zero -= 1;
  return String((place - zero) % 10);
}

function isDigit(character) {
  return /^\p{Nd}$/u.test(character);
}

/** Some systems have names for languages that no standard knows. */
function isLocale(tag) {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}
