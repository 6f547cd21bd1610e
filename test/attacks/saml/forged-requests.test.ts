/** Forged requests at every door of the identity provider: each is refused, ends and begins nothing, and tells its sender nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Received } from '#saml/messages/module.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { signInAt, startApplication, strangersKey, type TestApplication } from '../../support/saml-applications.ts';
import { samlKey } from '../../support/saml-keys.ts';
import {
  type Door,
  doors,
  goodRequest,
  requestForgeries,
  type RequestScene,
  signedRequest,
} from '../../support/saml-request-forgeries.ts';
import { Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let scene: RequestScene & { app: TestApplication };
/** A browser in which the user is signed in: only the request can stop an assertion, or a sign-out. */
const victim = new Visitor();
beforeAll(async () => {
  const [started, nobody] = await Promise.all([startTestApp(), samlKey()]);
  latchkey = started;
  const members = {
    requires_signed_requests: true,
    logout_endpoints: [{ binding: 'redirect', url: 'https://app.example/slo' }],
  };
  const app = await startApplication(latchkey, members);
  const sibling = await startApplication(latchkey, members);
  const certificates = [{ certificate: strangersKey.certificate }];
  const thief = await startApplication(latchkey, { ...members, certificates });
  const user = await latchkey.user({ email_verified: true });
  const profile = await app.read(await signInAt(await app.requestUrl(), user, victim));
  const name = { value: profile.nameID, format: profile.nameIDFormat, nameQualifier: null, spNameQualifier: null };
  scene = { app, sibling, thief, nobody, name };
});
afterAll(() => latchkey.close());

async function send([door]: Door, received: Received) {
  const url = `${scene.app.base}/${door}`;
  if (received.binding === 'redirect') return victim.request(`${url}?${received.query}`);
  if (received.binding === 'post') return victim.request(url, { form: { SAMLRequest: received.value } });
  const answer = await fetch(url, { method: 'POST', body: received.body, headers: { 'content-type': 'text/xml' } });
  return { status: answer.status, location: null, text: await answer.text() };
}
const eventsAfter = (count: number) =>
  latchkey.app.database.sql<{ type: string; subject_id: string; details: { reason: string } }>(
    'select type, subject_id, details from audit_record order by at, id offset $1',
    [count],
  );
const sessions = async (): Promise<unknown> =>
  latchkey.app.database.sql(
    `select (select count(*) from saml_session) as told, (select count(*) from saml_request) as requests,
       (select count(*) from oidc_artifact where kind = 'Session' and revoked_at is null) as ours`,
  );

/** The page of every refusal at a door. */
const pages = new Map<string, string>();

describe.each(doors)('at %s by %s', (door, binding) => {
  const to = [door, binding] as const;
  test.each(requestForgeries.filter(({ only }) => only?.(door, binding) ?? true))(
    'a request $title is refused ($reason)',
    async ({ reason, forge }) => {
      const received = await forge(scene, to);
      const [before, { length }] = [await sessions(), await eventsAfter(0)];
      const page = await send(to, received);
      expect([page.status, page.location]).toEqual([binding === 'soap' ? 500 : 400, null]);
      const shown = page.text.replaceAll(/nonce="[^"]*"|\?[^"]*ui_locales/g, '');
      if (!pages.has(`${door} ${binding}`)) pages.set(`${door} ${binding}`, shown);
      expect(shown).toBe(pages.get(`${door} ${binding}`));
      expect(await eventsAfter(length)).toMatchObject([
        {
          type: door === 'sso' ? 'saml_application.request_refused' : 'saml_application.logout_refused',
          subject_id: scene.app.clientId,
          details: { entity_id: scene.app.entityId, reason },
        },
      ]);
      expect(await sessions()).toEqual(before);
    },
  );
});

// The last one: it ends the session.
test.each(doors)('the request that was changed is answered as it is (%s by %s)', async (door, binding) => {
  const page = await send([door, binding], signedRequest([door, binding], goodRequest(scene, [door, binding])));
  expect([page.status, page.text.includes('samlp:') || page.location !== null]).toEqual([
    binding === 'soap' ? 200 : 303,
    true,
  ]);
});
