import type { Client } from './client.ts';
import type { EngineMetadata } from './engine-metadata.ts';

/** What is asked on each request about a client; read-only, and as old as a few seconds. */
export type KnownClient = Readonly<
  Pick<Client, 'clientId' | 'name' | 'type' | 'profile' | 'firstParty' | 'registered' | 'metadata' | 'apis'>
> & {
  readonly engine: EngineMetadata;
  readonly secrets: readonly { readonly hash: Buffer; readonly expiresAt: number }[];
};
