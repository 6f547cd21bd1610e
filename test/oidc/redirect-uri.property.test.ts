import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../support/app.ts';
import { authorizeUrl, pkce, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let web: TestClient;
let native: TestClient;

const registered = 'https://rp.example/cb';
const loopback = 'http://127.0.0.1/cb';
const { challenge } = pkce();

beforeAll(async () => {
  latchkey = await startTestApp();
  web = await latchkey.client({ redirect_uris: [registered] });
  native = await latchkey.client({ type: 'native', redirect_uris: [loopback] });
});
afterAll(() => latchkey.close());

/** Whether the address was taken for a registered one. */
async function isTaken(client: TestClient, redirect_uri: string): Promise<boolean> {
  const url = authorizeUrl(latchkey.base, client, { code_challenge: challenge, redirect_uri });
  const page = await new Visitor().request(url);
  if (page.location !== null) return true;
  expect(page.status).toBe(400);
  return false;
}

/** The registered text with one place changed, as in an attack on a lenient comparison. */
const edited = (text: string): fc.Arbitrary<string> =>
  fc
    .record({
      at: fc.nat(text.length),
      removed: fc.nat(2),
      inserted: fc.oneof(
        fc.constantFrom(
          '/',
          '//',
          '\\',
          '.',
          '..',
          '@',
          ':',
          '#',
          '?',
          '&',
          '%2f',
          '%2e',
          '%00',
          '%0d%0a',
          ' ',
          '\t',
          '*',
          'evil.example',
          ';',
          '\u3002',
          '\u0430',
        ),
        fc.string({ maxLength: 4 }),
      ),
    })
    .map(({ at, removed, inserted }) => text.slice(0, at) + inserted + text.slice(at + removed));

test('no text but the registered one is a redirect_uri (RFC 9700 §2.1)', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(edited(registered), fc.webUrl({ withQueryParameters: true, withFragments: true })),
      async (uri) => {
        expect(await isTaken(web, uri)).toBe(uri === registered);
      },
    ),
    { numRuns: 150 },
  );
});

test('for a native app only the port of its loopback address is free (RFC 8252 §7.3)', async () => {
  const isAllowed = (uri: string): boolean => {
    // One spelling of a port: no empty one, no leading zero, and none of 0, on which no app listens.
    const port = /^http:\/\/127\.0\.0\.1(?::([1-9]\d*))?\/cb$/.exec(uri);
    return port !== null && Number(port[1] ?? 1) <= 65_535;
  };
  const ports = fc.nat(70_000).map((port) => `http://127.0.0.1:${port}/cb`);
  await fc.assert(
    fc.asyncProperty(fc.oneof(edited(loopback), edited('http://127.0.0.1:5555/cb'), ports), async (uri) => {
      expect(await isTaken(native, uri)).toBe(isAllowed(uri));
    }),
    { numRuns: 150 },
  );
});
