// The explorer of the management API: filters the list, signs in by the code flow with PKCE, and sends calls.

const signIn = document.querySelector('[data-sign-in]');
/**
 * The access token stands in the session storage of this tab: each noun is a page of its own, and a token in memory would be gone with
 * the first link. It lives ten minutes, has no refresh token, is not sent by the browser itself, and ends with the tab.
 */
const KEPT = 'latchkey-api-token';
const BEGUN = 'latchkey-api-sign-in';

const read = (name) => JSON.parse(sessionStorage.getItem(name) ?? 'null');
const write = (name, value) =>
  value === null ? sessionStorage.removeItem(name) : sessionStorage.setItem(name, JSON.stringify(value));

function presentToken() {
  const kept = read(KEPT);
  if (kept !== null && kept.until > Date.now()) return kept;
  write(KEPT, null);
  return null;
}

const encoded = (bytes) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
const random = () => encoded(crypto.getRandomValues(new Uint8Array(32)));
const own = (path) => `${location.origin}${path}`;

if (signIn) {
  const { client, issuer, authorizeUrl, tokenUrl, revokeUrl, returnUrl } = signIn.dataset;

  const showState = () => {
    const token = presentToken();
    for (const part of signIn.querySelectorAll('[data-in]')) part.hidden = token === null;
    signIn.querySelector('[data-out]').hidden = token !== null;
    signIn.querySelector('[data-scopes]').textContent = token?.scope ?? '';
    for (const box of signIn.querySelectorAll('[name=scope]')) if (token?.scope.split(' ').includes(box.value)) box.checked = true;
  };
  const fail = (reason) => {
    signIn.open = true;
    signIn.querySelector('[data-reason]').textContent = reason;
    signIn.querySelector('[data-failed]').hidden = false;
  };

  signIn.querySelector('[data-begin]').addEventListener('submit', async (event) => {
    event.preventDefault();
    const chosen = [...signIn.querySelectorAll('[name=scope]:checked')].map(({ value }) => value);
    const scope = [...new Set([...chosen, ...(presentToken()?.scope.split(' ') ?? [])])].filter(Boolean).join(' ');
    const [verifier, state] = [random(), random()];
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
    write(BEGUN, { verifier, state, from: location.pathname + location.hash });
    const asked = new URL(own(authorizeUrl));
    asked.search = new URLSearchParams({
      client_id: client,
      response_type: 'code',
      // The code stays in the browser: a fragment is sent to no server.
      response_mode: 'fragment',
      redirect_uri: own(returnUrl),
      scope,
      state,
      resource: 'urn:latchkey:api',
      code_challenge: encoded(new Uint8Array(digest)),
      code_challenge_method: 'S256',
    }).toString();
    location.assign(asked);
  });

  signIn.querySelector('[data-leave]').addEventListener('click', async () => {
    const token = presentToken();
    write(KEPT, null);
    showState();
    if (token) await fetch(revokeUrl, { method: 'POST', body: new URLSearchParams({ token: token.value, client_id: client }) });
  });

  const finish = async (answer) => {
    const begun = read(BEGUN);
    write(BEGUN, null);
    history.replaceState(null, '', location.pathname);
    if (begun === null || answer.get('state') !== begun.state || answer.get('iss') !== issuer) return fail('state');
    if (answer.has('error')) return fail(answer.get('error'));
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code: answer.get('code') ?? '',
      redirect_uri: own(returnUrl),
      client_id: client,
      code_verifier: begun.verifier,
      resource: 'urn:latchkey:api',
    });
    const response = await fetch(tokenUrl, { method: 'POST', body, credentials: 'omit' });
    const given = await response.json();
    if (!response.ok) return fail(given.error);
    write(KEPT, { value: given.access_token, scope: given.scope ?? '', until: Date.now() + given.expires_in * 1000 });
    showState();
    if (begun.from !== location.pathname) location.replace(begun.from);
    return undefined;
  };

  const answer = new URLSearchParams(location.hash.slice(1));
  showState();
  if (answer.has('state')) await finish(answer);
}

const find = document.querySelector('[data-find]');
if (find) {
  const rows = [...document.querySelectorAll('[data-operation]')];
  const count = find.querySelector('[data-count]');
  const [words] = [count.textContent];
  const total = rows.length;
  find.querySelector('[name=q]').addEventListener('input', ({ target }) => {
    const wanted = target.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !`${row.dataset.operation} ${row.textContent}`.toLowerCase().includes(wanted);
    const shown = rows.filter((row) => !row.hidden).length;
    for (const group of document.querySelectorAll('[data-group]')) group.hidden = !group.querySelector('[data-operation]:not([hidden])');
    count.textContent = shown === 0 ? count.dataset.none : words.replace(String(total), String(shown));
  });
}

for (const form of document.querySelectorAll('[data-try]')) form.addEventListener('submit', (event) => void send(event, form));

async function send(event, form) {
  event.preventDefault();
  const token = presentToken();
  form.querySelector('[data-need]').hidden = token !== null;
  form.querySelector('[data-unreachable]').hidden = true;
  if (token === null) {
    signIn.open = true;
    signIn.scrollIntoView({ block: 'start' });
    signIn.querySelector('summary').focus();
    return;
  }
  const fields = [...form.querySelectorAll('[data-in-place]')];
  const given = (place) => fields.filter(({ dataset, value }) => dataset.inPlace === place && value.trim() !== '');
  const path = given('path').reduce(
    (text, { dataset, value }) => text.replace(`{${dataset.name}}`, encodeURIComponent(value.trim())),
    form.dataset.callUrl,
  );
  const query = new URLSearchParams(given('query').map(({ dataset, value }) => [dataset.name, value.trim()])).toString();
  const [body] = given('body');
  const headers = {
    Authorization: `Bearer ${token.value}`,
    ...Object.fromEntries(given('header').map(({ dataset, value }) => [dataset.name, value.trim()])),
    ...(body ? { 'Content-Type': 'application/json' } : {}),
  };
  try {
    const response = await fetch(`${path}${query === '' ? '' : `?${query}`}`, {
      method: form.dataset.method,
      headers,
      credentials: 'omit',
      ...(body ? { body: body.value } : {}),
    });
    showAnswer(form, response, await response.text());
  } catch {
    form.querySelector('[data-unreachable]').hidden = false;
  }
}

const told = ['content-type', 'etag', 'location', 'x-request-id', 'request-id', 'retry-after', 'ratelimit', 'ratelimit-policy', 'idempotency-replayed', 'deprecation', 'sunset'];

function showAnswer(form, response, text) {
  const status = form.querySelector('[data-status]');
  status.textContent = `${response.status} ${response.statusText}`;
  status.dataset.tone = response.ok ? 'ok' : 'bad';
  form.querySelector('[data-headers]').textContent = told
    .filter((name) => response.headers.has(name))
    .map((name) => `${name}: ${response.headers.get(name)}`)
    .join('\n');
  form.querySelector('[data-body]').textContent = inJson(text);
  form.querySelector('[data-result]').hidden = false;
}

function inJson(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
