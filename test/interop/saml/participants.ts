/** The programs and people of a run. A program starts when it is needed first. */
import { openDns, type TestDns } from '../../support/dns.ts';
import type { Company } from './acceptance.ts';
import { createPerson, startLatchkey, startRelyingParty } from './latchkey.ts';
import { latchkeyAsIdentityProvider } from './latchkey-as-idp.ts';
import { latchkeyAsServiceProvider } from './latchkey-as-sp.ts';
import { openidConnect } from './openid-connect.ts';
import type { Ground, IdentityProvider, Person, ServiceProvider } from './peers.ts';
import { startPysaml2 } from './pysaml2.ts';
import { startMellon, startNodeSaml } from './service-providers.ts';
import { startSimpleSamlIdp, startSimpleSamlSp } from './simplesamlphp.ts';

/** The host names of a run, without `.localhost`. */
export const names = [
  'login',
  'upstream',
  'app-of-login',
  'latchkey-idp',
  'latchkey-sp',
  'app-of-latchkey-sp',
  'app-of-company',
  'idp',
  'pysaml2',
  'sp',
  'mellon',
  'node-saml',
];

const person = (username: string, domain: string, displayName: string): Person => ({
  username,
  password: 'correct horse battery staple 9',
  attributes: { mail: [`${username}@${domain}`], displayName: [displayName], groups: ['staff', 'engineers'] },
});
/** One for each identity provider: at a service an address belongs to one account. */
const ada = person('ada', 'example.com', 'Ada Lovelace');
const grace = person('grace', 'example.com', 'Grace Hopper');
const alan = person('alan', 'example.com', 'Alan Turing');
const employee = person('katherine', 'company.example', 'Katherine Johnson');

/** The library names attributes by their object identifiers. */
const MAIL_OF_PYSAML2 = 'urn:oid:0.9.2342.19200300.100.1.3';

export type Pair = { idp: IdentityProvider; sp: ServiceProvider; person: Person };
type Meeting = { name: string; pair: () => Promise<Pair> };
export type Participants = {
  /** The rows of a lane run one after the other, because they share programs; lanes run at the same time. */
  lanes: readonly (readonly Meeting[])[];
  company(): Promise<Company>;
  close(): Promise<void>;
};

export function participants(ground: Ground): Participants {
  let dns: TestDns | undefined;
  const simpleSamlIdp = once(() => startSimpleSamlIdp(ground, [ada, employee]));
  const pysaml2 = once(() => startPysaml2(ground, [grace]));
  const simpleSamlSp = once(() => startSimpleSamlSp(ground));
  const mellon = once(() => startMellon(ground));
  const nodeSaml = once(() => startNodeSaml(ground));
  const latchkeyIdp = once(async () => {
    const latchkey = await startLatchkey(ground, 'latchkey-idp');
    await createPerson(latchkey, alan);
    return latchkeyAsIdentityProvider(latchkey);
  });
  const latchkeySp = once(async () => {
    dns = await openDns();
    return startLatchkey(ground, 'latchkey-sp', { DNS_SERVERS: dns.address });
  });
  const application = once(async () => startRelyingParty(ground, await latchkeySp()));

  const both =
    (idp: () => Promise<IdentityProvider>, sp: () => Promise<ServiceProvider>, person: Person) =>
    async (): Promise<Pair> => ({ idp: await idp(), sp: await sp(), person });
  const here = (start: () => Promise<IdentityProvider>, mail: string, person: Person) =>
    both(
      start,
      async () => {
        const [idp, latchkey, relyingParty] = [await start(), await latchkeySp(), await application()];
        return latchkeyAsServiceProvider({ latchkey, relyingParty, idp }, mail);
      },
      person,
    );

  return {
    lanes: [
      [
        { name: 'SimpleSAMLphp → SimpleSAMLphp', pair: both(simpleSamlIdp, simpleSamlSp, ada) },
        { name: 'SimpleSAMLphp → mod_auth_mellon', pair: both(simpleSamlIdp, mellon, ada) },
        { name: 'pysaml2 → node-saml', pair: both(pysaml2, nodeSaml, grace) },
        { name: 'SimpleSAMLphp → Latchkey', pair: here(simpleSamlIdp, 'mail', ada) },
        { name: 'pysaml2 → Latchkey', pair: here(pysaml2, MAIL_OF_PYSAML2, grace) },
        { name: 'Latchkey → Latchkey', pair: here(latchkeyIdp, 'email', alan) },
        { name: 'Latchkey → SimpleSAMLphp', pair: both(latchkeyIdp, simpleSamlSp, alan) },
        { name: 'Latchkey → mod_auth_mellon', pair: both(latchkeyIdp, mellon, alan) },
        { name: 'Latchkey → node-saml', pair: both(latchkeyIdp, nodeSaml, alan) },
      ],
      [{ name: 'Latchkey → Latchkey by OIDC', pair: () => twoOfTheProduct(ground) }],
    ],
    async company() {
      const latchkey = await latchkeySp();
      const usage = { 'organization-usage': 'require' };
      return {
        latchkey,
        relyingParty: await startRelyingParty(ground, latchkey, 'app-of-company', usage),
        dns: dns!,
        idp: await simpleSamlIdp(),
        person: employee,
        mellon: await mellon(),
        latchkeyIdp: await latchkeyIdp(),
        user: alan,
      };
    },
    close: async () => dns?.close(),
  };
}

async function twoOfTheProduct(ground: Ground): Promise<Pair> {
  const [upstream, latchkey] = [await startLatchkey(ground, 'upstream'), await startLatchkey(ground, 'login')];
  await createPerson(upstream, ada);
  const pair = await openidConnect(upstream, latchkey, await startRelyingParty(ground, latchkey));
  return { ...pair, person: ada };
}

function once<T>(start: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  return () => (started ??= start());
}
