import { describe, expect, test } from 'vitest';
import { newId } from '#kernel/ids.ts';
import { sections } from '#settings/module.ts';
import type { CredentialState } from '../../../src/credentials/methods.ts';
import { countPasskeys, passkeyStateBy } from '../../../src/credentials/passkeys/passkey-state.ts';
import { policiesWith } from '../../support/policies.ts';

const YUBIKEY = '2fc0579f-8113-47ea-b116-bb5a8db9202a';
const UNKNOWN = '00000000-0000-0000-0000-000000000000';
const host = 'https://id.example.com';
const owner = newId('usr');

describe('the state of a passkey', () => {
  type Row = [
    title: string,
    policy: Record<string, unknown>,
    row: { stopped?: boolean; aaguid?: string; format?: string; issuer?: string },
    state: CredentialState,
  ];
  const rows: Row[] = [
    ['nothing said', {}, {}, 'active'],
    ['its counter did not count on', {}, { stopped: true }, 'stopped'],
    ['its model is on the list', { allowedAuthenticators: [YUBIKEY] }, { aaguid: YUBIKEY }, 'active'],
    ['its model is not on the list', { allowedAuthenticators: [YUBIKEY] }, {}, 'model_not_allowed'],
    [
      'its model is on the list and was never attested, where models are attested',
      { allowedAuthenticators: [YUBIKEY], attestation: 'direct' },
      { aaguid: YUBIKEY },
      'model_not_allowed',
    ],
    [
      'its model is on the list and was attested',
      { allowedAuthenticators: [YUBIKEY], attestation: 'direct' },
      { aaguid: YUBIKEY, format: 'packed' },
      'active',
    ],
    ['new ones must be attested, of any model', { attestation: 'direct' }, {}, 'active'],
    ['passkeys are switched off', { enabled: false }, {}, 'switched_off'],
    ['the issuer has no name for passkeys', {}, { issuer: 'https://192.0.2.1' }, 'switched_off'],
    ['stopped, and switched off', { enabled: false }, { stopped: true }, 'stopped'],
  ];
  test.each(rows)(
    '%s',
    (_title, policy, { stopped = false, aaguid = UNKNOWN, format = 'none', issuer = host }, state) => {
      const stateOf = passkeyStateBy(new URL(issuer), policiesWith({ passkeys: policy }));
      expect(stateOf({ is_stopped: stopped, aaguid, attestation_format: format }, owner)).toBe(state);
    },
  );

  test('follows each change of the policy', () => {
    let enabled = true;
    const stateOf = passkeyStateBy(new URL(host), { for: () => ({ passkeys: sections.passkeys.parse({ enabled }) }) });
    const row = { is_stopped: false, aaguid: UNKNOWN, attestation_format: 'none' };
    expect(stateOf(row, owner)).toBe('active');
    enabled = false;
    expect(stateOf(row, owner)).toBe('switched_off');
  });

  test('counts as usable only when active', () => {
    const stateOf = passkeyStateBy(new URL(host), policiesWith());
    const row = (is_stopped: boolean, user_verified: boolean) => ({
      is_stopped,
      user_verified,
      aaguid: UNKNOWN,
      attestation_format: 'none',
    });
    expect(countPasskeys([row(false, true), row(false, false), row(true, true)], stateOf, owner)).toEqual({
      verifying: 1,
      others: 1,
      unusable: 1,
    });
  });
});
