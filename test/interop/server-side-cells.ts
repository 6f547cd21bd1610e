/** The columns of a server-side relying party, each as a person with a browser meets it. */
import { isDeepStrictEqual } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';
import { must, type Row } from './matrix.ts';
import type { Peer } from './peers.ts';
import { type Account, gist, Person } from './person.ts';
import type { Client, Product } from './product.ts';
import { formsOf } from '../support/visitor.ts';

export type Place = { peer: Peer; base: string; client: Client; product: Product; account: Account; row: Row };

const PARALLEL = 5;
const NOTICE_WITHIN_MS = 15_000;

/** All columns but the rotation of keys. */
export async function serverSideCells(place: Place): Promise<void> {
  const { peer, base, client, product, account, row } = place;
  const { issuer, front } = product;
  const [person, other] = [new Person(issuer, account), new Person(issuer, account)];

  await row.cell('consent refused', async () => {
    const page = await person.signIn(await peer.begin(person, base), 'deny');
    must(peer.saysRefused(page), `the application shows ${page.url}: ${gist(page)}`);
    must(page.status < 500, `the application fails: ${gist(page)}`);
    must((await peer.who(person, base)) === null, 'signed in all the same');
  });

  await row.cell('sign-in', async () => {
    must((await peer.who(person, base)) === null, 'signed in before');
    const page = await person.signIn(await peer.begin(person, base));
    must((await peer.who(person, base)) !== null, `the application shows ${page.url}: ${gist(page)}`);
  });

  await row.cell('claims', () => mustKnow(place, person));

  await row.cell('refresh', async () => {
    for (let round = 1; round <= 2; round += 1) await mustRenew(place, person, `round ${round}`);
  });

  await row.cell('parallel refresh', async () => {
    const together = front.hold(client.client_id, PARALLEL);
    const each = Array.from({ length: PARALLEL }, (_, at) => mustRenew(place, person, `parallel ${at + 1}`));
    await Promise.all(each);
    must((await together) === PARALLEL, `${await together} refreshes came to the provider together`);
    await mustRenew(place, person, 'after the parallel ones');
    await mustKnow(place, person);
  });

  await row.cell('back-channel', async () => {
    await other.signIn(await peer.begin(other, base));
    await mustKnow(place, other);
    await person.signOut(`${issuer}/oidc/logout`);
    const end = performance.now() + NOTICE_WITHIN_MS;
    while ((await peer.who(person, base)) !== null) {
      must(performance.now() < end, 'the browser that signed out stays signed in at the application');
      await pause(100);
    }
    must((await peer.who(other, base)) !== null, 'the other browser of the user was signed out as well');
  });

  await row.cell('logout', async () => {
    must((await peer.who(other, base)) !== null, 'not signed in before');
    const page = await other.signOut(`${base}${peer.logout}`);
    must(page.url.startsWith(base), `the sign-out ends at ${page.url}: ${gist(page)}`);
    must((await peer.who(other, base)) === null, 'still signed in at the application');
    const next = await peer.begin(other, base);
    const asks = formsOf(next).some(({ fields }) => 'email' in fields || 'password' in fields);
    must(other.isAtProduct(next) && asks, `still signed in at the provider: ${next.url}: ${gist(next)}`);
  });
}

/** After all keys were replaced at once: the application knows the old ones. */
export async function rotationCell(place: Place): Promise<void> {
  const { peer, base, product, account, row } = place;
  await row.cell('key rotation', async () => {
    const person = new Person(product.issuer, account);
    await person.signIn(await peer.begin(person, base));
    await mustKnow(place, person);
  });
}

async function mustKnow({ peer, base, account }: Place, person: Person): Promise<void> {
  const shown = await peer.who(person, base);
  const { email, name } = account;
  must(isDeepStrictEqual(shown, { email, name }), `the application knows ${JSON.stringify(shown)}`);
}

async function mustRenew({ peer, base, account }: Place, person: Person, when: string): Promise<void> {
  const { email, isRenewed, seen } = await peer.renew(person, base);
  must(isRenewed && email === account.email, `${when}: ${seen}`);
}
