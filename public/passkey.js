// The browser part of passkeys. Every page that loads this offers another method for browsers without support.

const { PublicKeyCredential } = globalThis;
/** A little before the challenge that was asked for is too old. */
const RENEW_AFTER = 4 * 60 * 1000;

/** The prompt that waits behind the field for the address; a page can have one question open at a time. */
let waiting = null;

for (const form of document.querySelectorAll('form[data-passkey]')) {
  form.addEventListener('submit', (event) => {
    // Another button of the same form, `skip` for one, is nothing to ask an authenticator about.
    if (event.submitter?.dataset.passkeyStart === undefined) return;
    event.preventDefault();
    if (form.getAttribute('aria-busy') === 'true') return;
    form.setAttribute('aria-busy', 'true');
    void answer(form).finally(() => form.removeAttribute('aria-busy'));
  });
  if (form.dataset.passkey === 'autofill') void offerInField(form);
}

for (const { dataset } of document.querySelectorAll('[data-passkey-signal]'))
  void signal(dataset.passkeySignal, JSON.parse(dataset.options));

/** Asks the authenticator, and sends its answer or what went wrong. */
async function answer(form) {
  waiting?.abort();
  let timeout = Infinity;
  const began = performance.now();
  try {
    if (!PublicKeyCredential) throw new DOMException('no passkeys here', 'NotSupportedError');
    const options = await optionsOf(form);
    ({ timeout = Infinity } = options);
    const credential =
      form.dataset.passkey === 'create'
        ? await navigator.credentials.create({ publicKey: creationOptions(options) })
        : await navigator.credentials.get({ publicKey: requestOptions(options) });
    send(form, 'credential', JSON.stringify(toJson(credential)));
  } catch (error) {
    send(form, 'failure', failureOf(error, performance.now() - began >= timeout));
  }
}

/** Lets the browser list passkeys where the address is typed. Nothing happens until the person chooses one. */
async function offerInField(form) {
  if (!(await PublicKeyCredential?.isConditionalMediationAvailable?.())) return;
  const controller = new AbortController();
  waiting = controller;
  const { signal } = controller;
  try {
    const options = await optionsOf(form, await hasPlatformAuthenticator());
    const renewal = setTimeout(() => {
      controller.abort();
      void offerInField(form);
    }, RENEW_AFTER);
    signal.addEventListener('abort', () => clearTimeout(renewal));
    // The waiting prompt takes no time of its own: it is there as long as the page.
    const { timeout: _, ...publicKey } = options;
    const credential = await navigator.credentials.get({
      publicKey: requestOptions(publicKey),
      mediation: 'conditional',
      signal,
    });
    clearTimeout(renewal);
    send(form, 'credential', JSON.stringify(toJson(credential)));
  } catch {
    // A user who chooses no passkey enters the email address.
  }
}

async function hasPlatformAuthenticator() {
  return PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable?.() ?? false;
}

/** The request in the page, or in the response of the server. */
async function optionsOf(form, hasPlatform = false) {
  const { options, optionsUrl } = form.dataset;
  if (options !== undefined) return JSON.parse(options);
  const body = new URLSearchParams(new FormData(form));
  if (hasPlatform) body.set('platform', 'true');
  const response = await fetch(optionsUrl, { method: 'POST', body, headers: { accept: 'application/json' } });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return response.json();
}

function send(form, name, value) {
  form.elements[name].value = value;
  HTMLFormElement.prototype.submit.call(form);
}

function failureOf({ name }, isLate) {
  if (name === 'NotAllowedError' || name === 'AbortError') return isLate ? 'timed_out' : 'cancelled';
  if (name === 'InvalidStateError') return 'exists';
  return name === 'NotSupportedError' || name === 'SecurityError' ? 'unsupported' : 'failed';
}

/** Tells the browser what became of passkeys that it keeps, where it wants to know. */
async function signal(kind, options) {
  const method = {
    unknown: 'signalUnknownCredential',
    accepted: 'signalAllAcceptedCredentials',
    details: 'signalCurrentUserDetails',
  }[kind];
  await PublicKeyCredential?.[method]?.(options).catch(() => undefined);
}

// JSON of WebAuthn 3 §5.1, for browsers that do not speak it yet.

function creationOptions(options) {
  if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const { challenge, user, excludeCredentials, ...rest } = options;
  return {
    ...rest,
    challenge: bytesOf(challenge),
    user: { ...user, id: bytesOf(user.id) },
    excludeCredentials: excludeCredentials.map(descriptor),
  };
}

function requestOptions(options) {
  if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const { challenge, allowCredentials, ...rest } = options;
  return { ...rest, challenge: bytesOf(challenge), allowCredentials: allowCredentials.map(descriptor) };
}

function descriptor({ id, ...rest }) {
  return { ...rest, id: bytesOf(id) };
}

function toJson(credential) {
  if (credential.toJSON) return credential.toJSON();
  const { id, type, authenticatorAttachment, response } = credential;
  const parts = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'];
  const given = parts.filter((part) => response[part]).map((part) => [part, textOf(response[part])]);
  const transports = response.getTransports ? { transports: response.getTransports() } : {};
  return {
    id,
    rawId: id,
    type,
    authenticatorAttachment,
    clientExtensionResults: {},
    response: { ...Object.fromEntries(given), ...transports },
  };
}

function bytesOf(text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.codePointAt(0));
}

function textOf(buffer) {
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCodePoint(byte)).join('');
  return btoa(letters).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
