/** The product as identity provider of SAML: an application for each service. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../matrix.ts';
import { answerAt, asksAt, type Latchkey } from './latchkey.ts';
import { fetchText, type IdentityProvider } from './peers.ts';

const entityIn = (metadata: string): string => /entityID="([^"]+)"/.exec(metadata)?.[1] ?? '';

/** The address in an answer of a command, below the member `identity_provider`. */
function ourEntityIn({ identity_provider: ours }: Record<string, unknown>): string {
  const { entity_id: entityId } = (ours ?? {}) as { entity_id?: unknown };
  must(typeof entityId === 'string', `no entity identifier of ours in ${JSON.stringify(ours)}`);
  return entityId;
}

export function latchkeyAsIdentityProvider(latchkey: Latchkey): IdentityProvider {
  const applications = new Map<string, { clientId: string; ours: string }>();
  let current = { clientId: '', ours: '' };
  let isKeyKnown = false;

  async function trustOne(metadata: string): Promise<{ clientId: string; ours: string }> {
    const file = join(latchkey.folder, 'service.xml');
    await writeFile(file, metadata);
    const known = applications.get(entityIn(metadata));
    if (known) {
      await latchkey.command(`saml-application change ${known.clientId}`, { 'metadata-file': file });
      return known;
    }
    const clientId = `service-${applications.size + 1}`;
    const created = await latchkey.command('saml-application create', {
      name: 'Service',
      'client-id': clientId,
      'first-party': true,
      'metadata-file': file,
      // A request may ask for a format that tells less, but for none that tells more.
      'name-id-format': 'email',
    });
    const application = { clientId, ours: ourEntityIn(created) };
    applications.set(entityIn(metadata), application);
    return application;
  }

  return {
    name: latchkey.name,
    version: 'Latchkey',
    /** It has one for each service: this is the one for the newest. */
    get entityId() {
      return current.ours;
    },
    base: latchkey.issuer,
    hosts: [latchkey.host],
    lacks: {},
    output: latchkey.output,
    metadata: () => fetchText(current.ours),
    async trust(first = '', ...others) {
      current = await trustOne(first);
      for (const each of others) await trustOne(each);
    },
    asks: (page) => asksAt(latchkey, page),
    answer: (browser, page, person) => answerAt(latchkey, browser, page, person),
    signOutUrl: `${latchkey.issuer}/oidc/logout`,
    signOut: async (browser) => browser.submit(await browser.open(`${latchkey.issuer}/oidc/logout`), {}, 'logout'),
    async encrypt(isWanted) {
      const given = { 'encrypts-assertions': String(isWanted) };
      await latchkey.command(`saml-application change ${current.clientId}`, given);
    },
    // The key that follows is always in the metadata.
    async announceKey() {
      isKeyKnown = true;
    },
    async changeKey() {
      await latchkey.command('saml-keys rotate', isKeyKnown ? {} : { immediately: true });
      isKeyKnown = false;
    },
  };
}
