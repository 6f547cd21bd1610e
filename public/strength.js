// Measures a new password while it is typed, by the rule and the lists of the server.

const PAUSE = 800;

/** Shows in `live` what becomes of the password in the field. */
export async function watch(field, live) {
  const { dataset } = live;
  const [minimumLength, minimumScore] = [Number(dataset.least), Number(dataset.score)];
  const [count, meter, word, spoken] = live.children;
  const { measure, wordsAbout } = await import(dataset.ruleUrl);
  // Without the lists a length can be told, and nothing else.
  let estimate = () => ({ score: -1, hints: [] });
  let isReady = false;
  let timer;

  const show = () => {
    const about = [...dataset.words.split('\n'), ...wordsAbout(typedIn(field.form))];
    const { length, score } = measure(field.value, { minimumLength, minimumScore, about }, estimate);
    live.hidden = length === 0;
    if (length === 0) return;
    for (const error of field.closest('.field').querySelectorAll('.error')) error.hidden = true;
    field.removeAttribute('aria-invalid');
    count.textContent = length < minimumLength ? dataset.typed.replace('%', length) : dataset.enough;
    meter.hidden = word.hidden = !isReady;
    meter.value = Math.max(0, score);
    word.textContent = isReady ? dataset[`word${Math.max(0, score)}`] : '';
    clearTimeout(timer);
    timer = setTimeout(() => (spoken.textContent = `${count.textContent}. ${word.textContent}`), PAUSE);
  };
  field.addEventListener('input', show);
  if (field.value !== '') show();
  ({ estimate } = await import(dataset.estimateUrl));
  isReady = true;
  if (field.value !== '') show();
}

/** The facts about the user in the form, under the names that the server knows. */
function typedIn(form) {
  const { email, username, name } = Object.fromEntries(new FormData(form));
  return { email, username, name };
}
