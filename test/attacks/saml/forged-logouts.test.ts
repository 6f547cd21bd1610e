/** Forged requests to sign out that seem to come from an identity provider: each is refused, ends nothing, and tells its sender nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nameIdFormats, type Received } from '#saml/messages/module.ts';
import { newcomer } from '../../support/registration.ts';
import { applicationKey, strangersKey } from '../../support/saml-applications.ts';
import { samlPerson, type SamlFederation, startSamlFederation } from '../../support/saml-federation.ts';
import { samlKey } from '../../support/saml-keys.ts';
import { requestIn, startSamlProvider } from '../../support/saml-provider.ts';
import {
  doors,
  goodRequest,
  requestForgeries,
  type RequestScene,
  signedRequest,
} from '../../support/saml-request-forgeries.ts';
import { Visitor } from '../../support/visitor.ts';

let it: SamlFederation;
let scene: RequestScene;
const victim = newcomer();
beforeAll(async () => {
  const [started, nobody] = await Promise.all([startSamlFederation(), samlKey()]);
  it = started;
  const party = async (slug: string, { certificate } = applicationKey) => {
    const idp = await startSamlProvider(`https://${slug}.example/saml`);
    await it.connect(slug, { metadata: idp.metadata({ certificates: [certificate] }) });
    return { idp, entityId: idp.entityId, base: `${it.latchkey.base}/saml/${slug}`, acs: '' };
  };
  const [app, sibling, thief] = [await party('party'), await party('sibling'), await party('thief', strangersKey)];
  const person = samlPerson();
  const request = requestIn((await it.begin(victim, { connection: 'party' })).location ?? '');
  const kept = await it.post(
    await app.idp.answer(request, person, { key: applicationKey }),
    request.relayState,
    'party',
  );
  expect((await victim.open(kept.location ?? '')).location).toContain('code=');
  const name = {
    value: person.nameId.value,
    format: nameIdFormats.persistent,
    nameQualifier: null,
    spNameQualifier: null,
  };
  scene = { app, sibling, thief, nobody, name };
});
afterAll(() => it.close());

async function send(received: Received) {
  const url = `${scene.app.base}/slo`;
  const sender = new Visitor();
  if (received.binding === 'redirect') return sender.request(`${url}?${received.query}`);
  if (received.binding === 'post') return sender.request(url, { form: { SAMLRequest: received.value } });
  const answer = await fetch(url, { method: 'POST', body: received.body, headers: { 'content-type': 'text/xml' } });
  return { status: answer.status, location: null, text: await answer.text() };
}
const eventsAfter = (count: number) =>
  it.latchkey.app.database.sql('select type, details from audit_record order by at, id offset $1', [count]);
const isSignedIn = async (): Promise<boolean> =>
  new URL((await victim.open(`${it.latchkey.base}/account`)).url).pathname === '/account';

/** The page of every refusal. */
const pages = new Map<string, string>();

const ours = doors.filter(([door]) => door === 'slo');
describe.each(ours)('at %s by %s', (door, binding) => {
  const rows = requestForgeries.filter(({ only }) => only?.(door, binding) ?? true);
  test.each(rows)('a request $title is refused ($reason)', async ({ reason, forge }) => {
    const received = await forge(scene, [door, binding]);
    const { length } = await eventsAfter(0);
    const page = await send(received);
    expect([page.status, page.location]).toEqual([binding === 'soap' ? 500 : 410, null]);
    const shown = page.text.replaceAll(/nonce="[^"]*"|\?[^"]*ui_locales/g, '');
    if (!pages.has(binding)) pages.set(binding, shown);
    expect(shown).toBe(pages.get(binding));
    expect(await eventsAfter(length)).toMatchObject([
      { type: 'connection.logout_refused', details: { connection: 'party', provider: 'saml', reason } },
    ]);
    expect(await it.latchkey.app.database.sql('select 1 from upstream_session')).toHaveLength(1);
  });

  test('the request that was changed is answered as it is', async () => {
    expect(await isSignedIn()).toBe(true);
    // Of another user: the victim is needed once more.
    const other = { ...scene, name: { ...scene.name, value: 'other' } };
    const page = await send(signedRequest([door, binding], goodRequest(other, [door, binding])));
    expect(page.status).toBe(binding === 'soap' ? 200 : 303);
  });
});
