import type { Client } from './client.ts';
import type { EngineMetadata } from './engine-metadata.ts';

/** The data of a client that each request needs; read-only, and at most a few seconds old. */
export type KnownClient = Readonly<
  Pick<Client, 'clientId' | 'name' | 'type' | 'profile' | 'firstParty' | 'registered' | 'metadata' | 'apis'>
> & {
  readonly engine: EngineMetadata;
  readonly secrets: readonly { readonly hash: Buffer; readonly expiresAt: number }[];
};
