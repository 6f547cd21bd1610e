import { isLoopback } from '#kernel/issuer.ts';
import { DEVICE_GRANT, type GivenMetadata } from './client-metadata.ts';
import { clientTypes, type ClientType } from './client-type.ts';
import { metadataInvalid } from './errors.ts';

type Preset = { type: (redirectUris: readonly string[]) => ClientType; members?: GivenMetadata };

/**
 * Type and members that a kind of software needs, as docs/clients.md names them. A preset is used once, when a client is created; it
 * is not stored, and what is given explicitly wins.
 */
const presets = {
  server: { type: () => 'web' },
  spa: { type: () => 'spa' },
  mobile: { type: () => 'native' },
  device: { type: () => 'native', members: { grant_types: [DEVICE_GRANT, 'refresh_token'] } },
  kubernetes: {
    // A command on the user's machine keeps no secret; a server such as Grafana has one.
    type: (uris) => (uris.length > 0 && uris.every(isOnThisMachine) ? 'native' : 'web'),
    members: {
      id_token_claims: ['email', 'email_verified', 'name', 'preferred_username'],
      mapped_claims: { groups: { source: 'roles' } },
    },
  },
  machine: { type: () => 'machine' },
} as const satisfies Readonly<Record<string, Preset>>;

type PresetName = keyof typeof presets;
export const presetNames = Object.keys(presets) as [PresetName, ...PresetName[]];

/** The type and the metadata of a new client. Throws clients.metadata_invalid where neither a type nor a preset is given. */
export function withPreset(
  name: PresetName | undefined,
  type: ClientType | undefined,
  metadata: GivenMetadata,
): { type: ClientType; metadata: GivenMetadata } {
  const preset: Preset | undefined = name && presets[name];
  const chosen = type ?? preset?.type(metadata.redirect_uris ?? []);
  if (!chosen) throw metadataInvalid({ type: `must be ${clientTypes.join(', ')}, or a preset must be given` });
  return { type: chosen, metadata: { ...preset?.members, ...metadata } };
}

function isOnThisMachine(uri: string): boolean {
  const url = URL.parse(uri);
  return url?.protocol === 'http:' && isLoopback(url.hostname);
}
