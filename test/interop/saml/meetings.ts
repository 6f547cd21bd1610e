/**
 * Identity providers and service providers that meet: the product with others, two of the product, and others with each other.
 * The last kind shows that the cells ask what real programs do.
 */
import { Row, type Table } from '../matrix.ts';
import type { Wanted } from '../run.ts';
import { createAuthority } from './authority.ts';
import { type Column, columns, meet } from './cells.ts';
import './hosts.mjs';
import { createPerson, startLatchkey, startRelyingParty } from './latchkey.ts';
import { openidConnect } from './openid-connect.ts';
import type { Ground, IdentityProvider, Person, ServiceProvider } from './peers.ts';
import { startPysaml2 } from './pysaml2.ts';
import { startMellon, startNodeSaml } from './service-providers.ts';
import { startSimpleSamlIdp, startSimpleSamlSp } from './simplesamlphp.ts';

const ada: Person = {
  username: 'ada',
  password: 'correct horse battery staple 9',
  attributes: { mail: ['ada@example.com'], displayName: ['Ada Lovelace'], groups: ['staff', 'engineers'] },
};
const names = ['login', 'upstream', 'app-of-login', 'idp', 'pysaml2', 'sp', 'mellon', 'node-saml'];

type Pair = { idp: IdentityProvider; sp: ServiceProvider };
type Meeting = { name: string; pair: () => Promise<Pair> };

/** The rows of a lane run one after the other, because they share programs; the lanes run at the same time. */
function lanes(ground: Ground): readonly (readonly Meeting[])[] {
  const [simpleSamlIdp, pysaml2] = [
    once(() => startSimpleSamlIdp(ground, [ada])),
    once(() => startPysaml2(ground, [ada])),
  ];
  const [simpleSamlSp, mellon] = [once(() => startSimpleSamlSp(ground)), once(() => startMellon(ground))];
  const nodeSaml = once(() => startNodeSaml(ground));
  const both = async (idp: () => Promise<IdentityProvider>, sp: () => Promise<ServiceProvider>): Promise<Pair> => ({
    idp: await idp(),
    sp: await sp(),
  });
  return [
    [
      { name: 'SimpleSAMLphp → SimpleSAMLphp', pair: () => both(simpleSamlIdp, simpleSamlSp) },
      { name: 'SimpleSAMLphp → mod_auth_mellon', pair: () => both(simpleSamlIdp, mellon) },
      { name: 'pysaml2 → node-saml', pair: () => both(pysaml2, nodeSaml) },
    ],
    [{ name: 'Latchkey → Latchkey by OIDC', pair: () => twoOfTheProduct(ground) }],
  ];
}

export async function meetings({ work, isWanted, show }: Wanted): Promise<Table> {
  const authority = await createAuthority(
    work,
    names.map((name) => `${name}.localhost`),
  );
  const wanted = lanes({ folder: work, authority }).map((lane) =>
    lane.filter(({ name }) => isWanted(name)).map(({ name, pair }) => ({ pair, row: new Row<Column>(name) })),
  );
  await Promise.all(
    wanted.map(async (lane) => {
      for (const { pair, row } of lane)
        await row.attempt(async () => {
          const { idp, sp } = await pair();
          await meet({ idp, sp, person: ada, row });
          for (const each of [idp, sp]) show(`${each.name}, after ${row.name}`, each.output);
        });
    }),
  );
  return { subject: 'identity provider → service provider', columns, rows: wanted.flat().map(({ row }) => row) };
}

async function twoOfTheProduct(ground: Ground): Promise<Pair> {
  const [upstream, latchkey] = [await startLatchkey(ground, 'upstream'), await startLatchkey(ground, 'login')];
  await createPerson(upstream, ada);
  return openidConnect(upstream, latchkey, await startRelyingParty(ground, latchkey));
}

function once<T>(start: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  return () => (started ??= start());
}
