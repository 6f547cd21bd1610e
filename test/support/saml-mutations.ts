/** Changes of documents at random, by a seed: the same seed makes the same documents. */
export type Random = (below: number) => number;

/** Mulberry32: short, fast and even enough for this. */
export function randomOf(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

type Mutation = (xml: string, random: Random) => string;

const insertions = [
  '<!---->',
  '<?x?>',
  '<![CDATA[x]]>',
  '&amp;',
  '&#10;',
  '&x;',
  '<x/>',
  ' xmlns:saml="urn:x"',
  ' ID="_x"',
  ' xmlns="urn:oasis:names:tc:SAML:2.0:assertion"',
  '<saml:NameID>admin@idp.example</saml:NameID>',
  '<samlp:Extensions/>',
  '\u{0}',
  '\u{202E}',
  '\r\n',
  'admin@',
];

const positionIn = (xml: string, random: Random): number => random(xml.length + 1);
/** The elements as they stand in the text, each up to its own end tag. */
const partOf = (xml: string, random: Random): [start: number, end: number] => {
  const tags = [...xml.matchAll(/<([A-Za-z]+:[A-Za-z]+)[^>]*>/g)];
  const tag = tags[random(tags.length)];
  if (!tag) return [0, 0];
  const end = xml.indexOf(`</${tag[1]}>`, tag.index);
  return [tag.index, end === -1 || tag[0].endsWith('/>') ? tag.index + tag[0].length : end + `</${tag[1]}>`.length];
};
const splice = (xml: string, start: number, end: number, text: string): string =>
  xml.slice(0, start) + text + xml.slice(end);

const mutations: readonly Mutation[] = [
  (xml, random) => {
    const at = positionIn(xml, random);
    return splice(xml, at, at, insertions[random(insertions.length)] ?? '');
  },
  (xml, random) => {
    const at = positionIn(xml, random);
    return splice(xml, at, at + 1 + random(20), '');
  },
  (xml, random) => {
    const at = positionIn(xml, random);
    return splice(xml, at, at + 1, String.fromCodePoint(32 + random(95)));
  },
  // An element is removed, doubled, moved, or put into another one.
  (xml, random) => splice(xml, ...partOf(xml, random), ''),
  (xml, random) => {
    const [start, end] = partOf(xml, random);
    return splice(xml, end, end, xml.slice(start, end));
  },
  (xml, random) => {
    const [start, end] = partOf(xml, random);
    const rest = splice(xml, start, end, '');
    const [to] = partOf(rest, random);
    return splice(rest, to, to, xml.slice(start, end));
  },
  (xml, random) => {
    const [start, end] = partOf(xml, random);
    const [to] = partOf(xml, random);
    return splice(xml, to, to, xml.slice(start, end).replaceAll('alice@', 'admin@').replaceAll('ID="_', 'ID="_x'));
  },
  (xml) => xml.replaceAll('alice@', 'admin@'),
  (xml, random) => {
    const values = [...xml.matchAll(/="([^"]*)"/g)];
    const [from, to] = [values[random(values.length)], values[random(values.length)]];
    return from && to ? splice(xml, from.index, from.index + from[0].length, to[0]) : xml;
  },
  (xml, random) => xml.replaceAll('saml:', ['', 'samlp:', 'ds:', 'x:'][random(4)] ?? ''),
];

/** The document with one to three changes. */
export function mutated(xml: string, random: Random): string {
  let changed = xml;
  for (let left = 1 + random(3); left > 0; left -= 1)
    changed = (mutations[random(mutations.length)] as Mutation)(changed, random);
  return changed;
}
