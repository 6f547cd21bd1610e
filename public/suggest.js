// A slip in the domain of an address is pointed out. No page needs this to work.

// Providers of mail for people. Domains of companies differ by a letter for good reasons.
const known = `gmail.com googlemail.com yahoo.com ymail.com hotmail.com outlook.com icloud.com aol.com msn.com live.com mail.com email.com
  protonmail.com proton.me zoho.com comcast.net verizon.net gmx.com gmx.de gmx.net gmx.at gmx.ch web.de t-online.de freenet.de bluewin.ch
  orange.fr laposte.net wanadoo.fr hotmail.fr yahoo.fr outlook.fr hotmail.es yahoo.es outlook.es hotmail.it libero.it virgilio.it yahoo.it
  outlook.it outlook.de hotmail.de yahoo.de yahoo.co.uk hotmail.co.uk btinternet.com ziggo.nl hotmail.nl live.nl interia.pl onet.pl
  uol.com.br bol.com.br hotmail.com.br yahoo.com.br outlook.com.br sapo.pt yahoo.co.jp docomo.ne.jp ezweb.ne.jp softbank.ne.jp
  foxmail.com yandex.com yandex.com.tr mynet.com`.split(/\s+/);

/** Shows below a field the address that was probably meant, as a button that takes it over. */
export function watch(field, hint) {
  const button = Object.assign(document.createElement('button'), { type: 'button', className: 'taplink', dir: 'ltr' });
  hint.querySelector('bdi').replaceWith(button);
  const look = () => {
    const address = betterAddress(field.value);
    hint.hidden = address === null;
    button.textContent = address ?? '';
  };
  field.addEventListener('change', look);
  field.addEventListener('input', () => hint.hidden || look());
  button.addEventListener('click', () => {
    field.value = button.textContent;
    look();
    field.focus();
  });
  if (document.activeElement !== field) look();
}

/** The address that was probably meant, when its domain is one letter away from one that very many have; null otherwise. */
export function betterAddress(typed) {
  const [, local, domain] = /^\s*([^\s@]+)@([^\s@]+?)\.?\s*$/.exec(typed.toLowerCase()) ?? [];
  if (domain === undefined || known.includes(domain)) return null;
  const near = known.find((other) => isNear(domain, other)) ?? domain.replace(/\.(?:con|cmo|ocm|comm|coom|conm|vom|xom|cpm)$/, '.com');
  return near === domain ? null : `${typed.trim().slice(0, local.length)}@${near}`;
}

/** Short names are near to many others: there only the ending counts. */
function isNear(domain, other) {
  const [name] = other.split('.');
  return (name.length > 4 || domain.startsWith(`${name}.`)) && isOneSlip(domain, other);
}

/** One letter too many, too few, another one, or two that changed places. */
function isOneSlip(typed, meant) {
  let start = 0;
  while (start < typed.length && typed[start] === meant[start]) start += 1;
  const [left, right] = [typed.slice(start), meant.slice(start)];
  if (left.length > right.length) return left.slice(1) === right;
  if (left.length < right.length) return left === right.slice(1);
  return left.slice(1) === right.slice(1) || (left.slice(2) === right.slice(2) && left[0] === right[1] && left[1] === right[0]);
}
