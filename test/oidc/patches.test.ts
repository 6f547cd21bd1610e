/** The installed version of the engine has each overridden member in the expected form. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Provider } from 'oidc-provider';
import { describe, expect, test } from 'vitest';
import { ENGINE_VERSION, type Patch, type Shape } from '../../src/oidc/patches/patch.ts';
import { patches } from '../../src/oidc/patches/patches.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Where each patch is seen to work: a file of tests, and a part of the title. */
const proofs: Readonly<Record<keyof typeof patches, readonly [string, string]>> = {
  responseModes: ['test/oidc/response-types.flow.test.ts', 'form_post carries them too'],
  tokenIds: ['test/oidc/token-marks.test.ts', 'is recognized, and no other kind takes it'],
  successors: ['test/oidc/refresh-grace.flow.test.ts', 'have one and the same successor'],
  clientSecrets: ['test/oidc/client-authentication.flow.test.ts', 'two secrets are good at once'],
  redirectUris: ['test/oidc/redirect-uri.property.test.ts', 'no text but the registered one'],
  logoutCalls: ['test/oidc/backchannel-logout.flow.test.ts', 'fails twice hears of it the third time'],
  replayDetection: ['test/oidc/client-authentication.flow.test.ts', 'an assertion authenticates once'],
  builtClients: ['test/applications/clients/client-lookup.test.ts', 'gives the engine the same object each time'],
  begunSessions: ['test/oidc/device-code.flow.test.ts', 'ends after five wrong ones in ten minutes'],
  rememberedSessions: ['test/oidc/session.flow.test.ts', 'the last sign-in decides whether the browser is remembered'],
  namedSessions: ['test/oidc/id-token.flow.test.ts', 'has the session id for clients with back-channel logout'],
  hashedTokens: ['test/oidc/id-token.flow.test.ts', 'has the hash of its access token'],
  idTokens: ['test/oidc/token-types.flow.test.ts', 'is refused (RFC 8725'],
  toldClaims: ['test/oidc/id-token-claims.flow.test.ts', 'adds to the claims parameter'],
  saidLevel: ['test/oidc/prompt.flow.test.ts', 'acr_values and acr'],
  unpromptedOffline: ['test/oidc/refresh-token.flow.test.ts', 'offline_access without prompt=consent'],
  sessionTrace: ['test/account/devices/devices.flow.test.ts', 'are named, the present one is marked'],
  sessionRename: ['test/oidc/session-rename.flow.test.ts', 'has a new id after each sign-in'],
  heldSignIns: ['test/attacks/sessions/last-step.test.ts', 'signed in by it'],
  guardedClients: ['test/oidc/client-authentication.flow.test.ts', 'twenty wrong secrets in five minutes'],
  assertionRules: ['test/oidc/client-assertions.flow.test.ts', 'is accepted at every endpoint'],
  audiences: ['test/oidc/resource-indicators.flow.test.ts', 'audience is another name for resource'],
  introspectedJwts: ['test/oidc/introspection.flow.test.ts', 'returns the same as the JWT itself'],
  origins: ['test/attacks/oauth/tightened-clients.test.ts', 'a request that was pushed is as good as before'],
  narrowedGrants: ['test/attacks/oauth/taken-authority.test.ts', 'a scope of an API, or the API itself'],
  boundTokens: ['test/attacks/oauth/tightened-clients.test.ts', 'no token is issued that nothing could bind'],
  apiTokens: ['test/api/tokens.flow.test.ts', 'of a client that acts for itself'],
  judgedTokens: ['test/attacks/oauth/taken-authority.test.ts', 'ends when the operator closes the front channel'],
  redirectUriChecks: ['test/attacks/oauth/vanished-client.test.ts', 'gives up its redirect URI is sent nothing there'],
  deviceClaims: ['test/oidc/device-code.flow.test.ts', 'cannot be taken over in another'],
  deviceForms: ['test/sign-in/device/device-pages.flow.test.ts', 'opened twice'],
  writtenTogether: ['test/oidc/round-trips.flow.test.ts', 'one that uses the old token up and stores both new ones'],
  calledEndpoints: ['test/issuer-path.flow.test.ts', 'is called where its proof says'],
  userCodeLimit: ['test/oidc/device-code.flow.test.ts', 'of one user, from any address'],
};

const table: readonly (readonly [string, Patch])[] = Object.entries<Patch>(patches);
const engine = new Provider('http://localhost', { features: { deviceFlow: { enabled: true } } });

/** As it is found from outside, on an engine without patches. */
function shapeOf(path: string, wanted: Shape): Shape | undefined {
  const names = path.split('.');
  const last = names.pop()!;
  const start: unknown = names[0] === 'prototype' ? Provider : engine;
  const owner = names.reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], start) as Record<
    string,
    unknown
  >;
  if (wanted === 'assigned') return String(owner).includes(`this.${last} =`) ? wanted : undefined;
  const value = wanted === 'accessor' ? undefined : owner[last];
  if (typeof value === 'function') return { method: value.length };
  if (Array.isArray(value)) return 'list';
  if (wanted === 'accessor') return Object.getOwnPropertyDescriptor(owner, last)?.get && 'accessor';
  return last in owner ? 'property' : undefined;
}

describe('the engine', () => {
  test('is installed in the version of the patches', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    const { version } = JSON.parse(read('node_modules/oidc-provider/package.json')) as { version: string };
    expect([dependencies['oidc-provider'], version]).toEqual([ENGINE_VERSION, ENGINE_VERSION]);
  });

  test.each(
    table.flatMap(([name, { members }]) => Object.entries(members).map((member) => [name, ...member] as const)),
  )('has the member that %s overrides: %s', (_name, member, shape) => {
    expect(shapeOf(member, shape)).toEqual(shape);
  });
});

describe.each(table)('the patch %s', (name, { members, reason, upstream }) => {
  test('has a description, a reason and a link', () => {
    expect(Object.keys(members).length).toBeGreaterThan(0);
    expect(reason).toMatch(/^[A-Z].{30,}\.$/);
    const [, path] =
      /^https:\/\/github\.com\/panva\/node-oidc-provider\/(?:issues\/\d+|blob\/v[\d.]+\/(lib\/.+\.js))$/.exec(
        upstream,
      ) ?? [undefined, 'none'];
    expect(path === undefined || existsSync(join(root, 'node_modules/oidc-provider', path)), upstream).toBe(true);
  });

  test('has a test', () => {
    const [file, title] = proofs[name as keyof typeof patches];
    expect(
      read(file)
        .split('\n')
        .filter((line) => /\b(test|describe)\b/.test(line) && line.includes(title)),
    ).not.toEqual([]);
  });
});
