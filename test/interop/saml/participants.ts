/** The programs and people of a run. A program starts when it is needed first. */
import { createPerson, startLatchkey, startRelyingParty } from './latchkey.ts';
import { openidConnect } from './openid-connect.ts';
import type { Ground, IdentityProvider, Person, ServiceProvider } from './peers.ts';
import { startPysaml2 } from './pysaml2.ts';
import { startMellon, startNodeSaml } from './service-providers.ts';
import { startSimpleSamlIdp, startSimpleSamlSp } from './simplesamlphp.ts';

/** The host names of a run, without `.localhost`. */
export const names = ['login', 'upstream', 'app-of-login', 'idp', 'pysaml2', 'sp', 'mellon', 'node-saml'];

const person = (username: string, domain: string, displayName: string): Person => ({
  username,
  password: 'correct horse battery staple 9',
  attributes: { mail: [`${username}@${domain}`], displayName: [displayName], groups: ['staff', 'engineers'] },
});
/** One for each identity provider: at a service an address belongs to one account. */
const ada = person('ada', 'example.com', 'Ada Lovelace');
const grace = person('grace', 'example.com', 'Grace Hopper');

export type Pair = { idp: IdentityProvider; sp: ServiceProvider; person: Person };
type Meeting = { name: string; pair: () => Promise<Pair> };
export type Participants = {
  /** The rows of a lane run one after the other, because they share programs; lanes run at the same time. */
  lanes: readonly (readonly Meeting[])[];
};

export function participants(ground: Ground): Participants {
  const simpleSamlIdp = once(() => startSimpleSamlIdp(ground, [ada]));
  const pysaml2 = once(() => startPysaml2(ground, [grace]));
  const simpleSamlSp = once(() => startSimpleSamlSp(ground));
  const mellon = once(() => startMellon(ground));
  const nodeSaml = once(() => startNodeSaml(ground));

  const both =
    (idp: () => Promise<IdentityProvider>, sp: () => Promise<ServiceProvider>, person: Person) =>
    async (): Promise<Pair> => ({ idp: await idp(), sp: await sp(), person });

  return {
    lanes: [
      [
        { name: 'SimpleSAMLphp → SimpleSAMLphp', pair: both(simpleSamlIdp, simpleSamlSp, ada) },
        { name: 'SimpleSAMLphp → mod_auth_mellon', pair: both(simpleSamlIdp, mellon, ada) },
        { name: 'pysaml2 → node-saml', pair: both(pysaml2, nodeSaml, grace) },
      ],
      [{ name: 'Latchkey → Latchkey by OIDC', pair: () => twoOfTheProduct(ground) }],
    ],
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
