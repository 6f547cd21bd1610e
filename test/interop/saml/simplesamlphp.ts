/** SimpleSAMLphp under Apache, as identity provider and as service provider. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPair, type Pair } from './authority.ts';
import {
  changingKeys,
  debianVersion,
  fetchText,
  formats,
  type Ground,
  type IdentityProvider,
  type Known,
  type Peer,
  type Person,
  placeFor,
  saidBy,
  type ServiceProvider,
  sourcesOf,
  startApache,
  writeJson,
} from './peers.ts';
import { must } from '../matrix.ts';
import { formsOf } from '../../support/visitor.ts';

const modules = '/usr/lib/apache2/modules';
const sources = sourcesOf('simplesamlphp');

type Settings = { people?: Record<string, unknown>; idp?: object; sp?: object; remote?: object };

async function startOne(ground: Ground, name: string, path: string, settings: Settings) {
  const place = await placeFor(ground, name);
  const { folder, base, host } = place;
  const module = (await readdir(modules)).find((file) => /^libphp.*\.so$/.test(file));
  must(module !== undefined, 'no PHP module of Apache');
  for (const each of ['sessions', 'temporary', 'remote']) await mkdir(join(folder, each));
  const entityId = `${base}${path}`;
  const apply = (): Promise<void> => writeJson(join(folder, 'settings.json'), settings);
  const keep = async (file: string, { key, certificate }: Pair): Promise<object> => {
    await writeFile(join(folder, `${file}.key`), key);
    await writeFile(join(folder, `${file}.pem`), certificate);
    return { privatekey: `${file}.key`, certificate: `${file}.pem` };
  };
  const program = await (async () => {
    await apply();
    return startApache(place, sources, '/simplesamlphp/resources/default.css', {
      ENTITY_ID: entityId,
      SITE: sources,
      PHP_MODULE: join(modules, module),
      SIMPLESAMLPHP_CONFIG_DIR: sources,
    });
  })();
  let uses = 0;
  const peer: Omit<Peer, 'signOutUrl'> = {
    name,
    version: await debianVersion('simplesamlphp'),
    entityId,
    base,
    hosts: [host],
    metadata: () => fetchText(entityId),
    lacks: {},
    async trust(...metadata) {
      const known = join(folder, 'remote');
      for (const file of await readdir(known)) await rm(join(known, file));
      for (const [at, text] of metadata.entries()) await writeFile(join(known, `${at}.xml`), text);
    },
    output: saidBy(program, join(folder, 'error.log'), join(folder, 'simplesamlphp.log')),
  };
  /** The names of files are new each time: an opcode cache never holds them, and neither does a request that still runs. */
  const keysOf = async (pair: Pair, next?: Pair): Promise<object> => {
    uses += 1;
    const following = next && ((await keep(`next-${uses}`, next)) as Record<string, string>);
    return {
      ...(await keep(`own-${uses}`, pair)),
      ...(following ? { new_privatekey: following['privatekey'], new_certificate: following['certificate'] } : {}),
    };
  };
  return { peer, settings, apply, keysOf };
}

export async function startSimpleSamlIdp(ground: Ground, people: readonly Person[]): Promise<IdentityProvider> {
  const settings: Settings = {
    people: Object.fromEntries(
      people.map(({ username, password, attributes }) => [
        `${username}:${password}`,
        { uid: [username], ...attributes },
      ]),
    ),
    idp: {},
    remote: {},
  };
  const { peer, apply, keysOf } = await startOne(ground, 'idp', '/simplesamlphp/saml2/idp/metadata.php', settings);
  const signOutUrl = `${peer.base}/simplesamlphp/saml2/idp/initSLO.php?RelayState=${encodeURIComponent(`${peer.base}/me.php`)}`;
  const keys = await changingKeys('idp', async (pair, next) => {
    settings.idp = {
      ...(await keysOf(pair, next)),
      SingleSignOnServiceBinding: ['HTTP-Redirect', 'HTTP-POST'].map(
        (name) => `urn:oasis:names:tc:SAML:2.0:bindings:${name}`,
      ),
      'redirect.sign': true,
      'sign.logout': true,
      authproc: {
        1: { class: 'saml:AttributeNameID', attribute: 'mail', Format: formats.email },
        2: { class: 'saml:PersistentNameID', attribute: 'uid' },
        3: { class: 'saml:TransientNameID' },
      },
    };
    await apply();
  });
  return {
    ...peer,
    ...keys,
    asks: (page) => formsOf(page).some(({ fields }) => 'username' in fields && 'password' in fields),
    answer: (browser, page, { username, password }) => browser.submit(page, { username, password }),
    signOutUrl,
    signOut: (browser) => browser.open(signOutUrl),
    async encrypt(isWanted) {
      settings.remote = isWanted ? { 'assertion.encryption': true, 'nameid.encryption': true } : {};
      await apply();
    },
  };
}

export async function startSimpleSamlSp(ground: Ground): Promise<ServiceProvider> {
  const settings: Settings = { sp: {} };
  const path = '/simplesamlphp/module.php/saml/sp/metadata.php/default-sp';
  const { peer, apply, keysOf } = await startOne(ground, 'sp', path, settings);
  const home = `${peer.base}/me.php`;
  settings.sp = {
    ...(await keysOf(await createPair('sp'))),
    'sign.authnrequest': true,
    'sign.logout': true,
    'redirect.sign': true,
    'redirect.validate': true,
    WantAssertionsSigned: true,
  };
  await apply();
  return {
    ...peer,
    lacks: {
      replay: 'SimpleSAMLphp keeps no list of assertions that were used, and takes an answer that nobody asked for',
    },
    // Without a name it would ask the person which provider to use.
    async trust(...metadata) {
      await peer.trust(...metadata);
      settings.sp = { ...settings.sp, idp: /entityID="([^"]+)"/.exec(metadata[0] ?? '')?.[1] };
      await apply();
    },
    begin: (browser, { forceAuthn = false, format } = {}) =>
      browser.open(`${home}?login=1${forceAuthn ? '&force=1' : ''}${format ? `&format=${formats[format]}` : ''}`),
    async who(browser) {
      const page = await browser.open(home);
      return page.status === 200 ? (JSON.parse(page.text) as Known) : null;
    },
    signOutUrl: `${home}?logout=1`,
    signOut: (browser) => browser.open(`${home}?logout=1`),
  };
}
