// Proof of work (ALTCHA): finds the number whose hash begins as asked for. About a second, without a click.

const field = document.querySelector('[data-work]');
const status = document.querySelector('[data-work-status]');

const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => Number.parseInt(pair, 16));
const hex = (data) => Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('');

async function solve({ nonce, salt, keyPrefix }) {
  const [saltBytes, nonceBytes, wanted] = [bytes(salt), bytes(nonce), bytes(keyPrefix)];
  const message = new Uint8Array(saltBytes.length + nonceBytes.length + 4);
  message.set(saltBytes);
  message.set(nonceBytes, saltBytes.length);
  const end = new DataView(message.buffer, saltBytes.length + nonceBytes.length);
  for (let counter = 0; counter < 0xffffffff; counter += 1) {
    end.setUint32(0, counter);
    const key = new Uint8Array(await crypto.subtle.digest('SHA-256', message));
    if (wanted.every((byte, at) => byte === key[at])) return { counter, derivedKey: hex(key) };
  }
  throw new Error('no solution');
}

if (field) {
  const challenge = JSON.parse(field.dataset.work);
  const { form } = field;
  let isSolved = false;
  let pressed;
  // A user who is faster than the check waits for it and need not press again.
  form.addEventListener('submit', (event) => {
    if (isSolved) return;
    event.preventDefault();
    pressed = event.submitter;
    form.setAttribute('aria-busy', 'true');
  });
  const solution = await solve(challenge.parameters);
  field.value = JSON.stringify({ challenge, solution });
  isSolved = true;
  status.textContent = field.dataset.done;
  if (pressed !== undefined) form.requestSubmit(pressed);
}
