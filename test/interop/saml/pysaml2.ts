/** A program with pysaml2 and xmlsec1 as identity provider. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formsOf } from '../../support/visitor.ts';
import { answers, outputOf, start } from '../programs.ts';
import {
  changingKeys,
  fetchText,
  type Ground,
  type IdentityProvider,
  type Person,
  placeFor,
  saidBy,
  sourcesOf,
  writeJson,
} from './peers.ts';

const python = join(import.meta.dirname, '../.installed/venv/bin/python');

export async function startPysaml2(ground: Ground, people: readonly Person[]): Promise<IdentityProvider> {
  const { name, folder, base, host, env } = await placeFor(ground, 'pysaml2');
  const at = (file: string) => join(folder, file);
  const settings: Record<string, unknown> = {
    people: Object.fromEntries(people.map(({ username, ...person }) => [username, person])),
  };
  const apply = (): Promise<void> => writeJson(at('settings.json'), settings);
  let uses = 0;
  await mkdir(at('remote'));
  const keys = await changingKeys(name, async (pair, next) => {
    uses += 1;
    await writeFile(at(`own-${uses}.key`), pair.key);
    await writeFile(at(`own-${uses}.pem`), pair.certificate);
    if (next) await writeFile(at(`next-${uses}.pem`), next.certificate);
    settings['key'] = `own-${uses}.key`;
    settings['certificate'] = `own-${uses}.pem`;
    settings['more_certificates'] = next ? [`next-${uses}.pem`] : [];
    await apply();
  });
  const script = "import importlib.metadata as m; print('pysaml2', m.version('pysaml2'))";
  const version = (await outputOf({ name: 'python', command: python, args: ['-c', script], env: {} })).trim();
  const program = start({ name, command: python, args: [join(sourcesOf(name), 'app.py')], env });
  await answers(program, `${base}/metadata`);
  const entityId = `${base}/metadata`;
  return {
    name,
    version,
    entityId,
    base,
    hosts: [host],
    metadata: () => fetchText(entityId),
    async trust(...metadata) {
      for (const file of await readdir(at('remote'))) await rm(join(at('remote'), file));
      for (const [place, text] of metadata.entries()) await writeFile(join(at('remote'), `${place}.xml`), text);
    },
    ...keys,
    output: saidBy(program),
    lacks: {},
    asks: (page) => formsOf(page).some(({ fields }) => 'username' in fields && 'password' in fields),
    answer: (browser, page, { username, password }) => browser.submit(page, { username, password }),
    signOutUrl: `${base}/logout`,
    signOut: (browser) => browser.open(`${base}/logout`),
    async encrypt(isWanted) {
      settings['encrypt'] = isWanted;
      await apply();
    },
  };
}
