import { describe, expect, test } from 'vitest';
import { metadataInvalid } from '#applications/clients/errors.ts';
import { clientAdapter } from '#oidc/client-store.ts';
import { policiesWith } from '../support/policies.ts';

const refusing = (reason: unknown) =>
  clientAdapter(
    {
      findForEngine: async () => ({ client_id: 'found' }),
      isDisabled: async () => false,
      verifySecret: async () => false,
      saveRegistered: async () => Promise.reject(reason),
      removeRegistered: async () => undefined,
    },
    policiesWith({ oidc: { responseTypes: 'all' } }),
  );

describe('a refused registration gets the response of RFC 7591 §3.2.2', () => {
  test.each([
    [
      { redirect_uris: 'holds "https://RP.example/cb", which is wrong' },
      'invalid_redirect_uri',
      "redirect_uris holds 'https://RP.example/cb', which is wrong",
    ],
    [{ jwks: 'must be given, or jwks_uri' }, 'invalid_client_metadata', 'jwks must be given, or jwks_uri'],
    [
      { logo_uri: 'is wrong', tos_uri: 'is wrong\r\nSet-Cookie: ü' },
      'invalid_client_metadata',
      "logo_uri is wrong; tos_uri is wrong''Set-Cookie: '",
    ],
  ])('%j: %s', async (details, error, description) => {
    await expect(refusing(metadataInvalid(details)).upsert('x', {}, 0)).rejects.toMatchObject({
      status: 400,
      error,
      error_description: description,
    });
  });

  test('an internal fault stays a fault', async () => {
    await expect(refusing(new Error('connection lost')).upsert('x', {}, 0)).rejects.toThrow('connection lost');
  });
});

test.each(['', 'with space', 'ümlaut', 'x'.repeat(256), 'nul\u0000'])(
  'the impossible identifier %j is not looked up',
  async (id) => {
    expect(await refusing(null).find(id)).toBeUndefined();
  },
);

describe('while the policy allows only code', () => {
  const engineSees = (client: Record<string, unknown>, isImplicitOff: boolean) =>
    clientAdapter(
      {
        findForEngine: async () => client,
        isDisabled: async () => false,
        verifySecret: async () => false,
        saveRegistered: async () => undefined,
        removeRegistered: async () => undefined,
      },
      policiesWith({ oidc: { responseTypes: isImplicitOff ? 'code' : 'all' } }),
    ).find('app');
  const hybrid = {
    client_id: 'app',
    response_types: ['code', 'code id_token'],
    grant_types: ['authorization_code', 'implicit', 'refresh_token'],
  };

  test('a client with further registered types continues with code', async () => {
    expect(await engineSees(hybrid, true)).toEqual({
      client_id: 'app',
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
    });
  });

  test.each([
    [{ client_id: 'app', response_types: ['code'], grant_types: ['authorization_code'] }, true],
    [{ client_id: 'app', response_types: [], grant_types: ['client_credentials'] }, true],
    [hybrid, false],
  ])('%j (implicit off: %s) is left unchanged', async (client, isImplicitOff) => {
    expect(await engineSees(client, isImplicitOff)).toBe(client);
  });
});
