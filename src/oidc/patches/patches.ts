import type { Configuration } from 'oidc-provider';
import type { Engine } from '../engine.ts';
import {
  begunSessions,
  logoutCalls,
  namedSessions,
  rememberedSessions,
  sessionRename,
  sessionTrace,
} from './session-patches.ts';
import {
  apiTokens,
  boundTokens,
  hashedTokens,
  idTokens,
  introspectedJwts,
  judgedTokens,
  narrowedGrants,
  saidLevel,
  successors,
  tokenIds,
  unpromptedOffline,
} from './token-patches.ts';
import { calledEndpoints } from './called-endpoints.ts';
import { toldClaims } from './claim-patches.ts';
import {
  assertionRules,
  audiences,
  builtClients,
  clientSecrets,
  guardedClients,
  origins,
  redirectUriChecks,
  redirectUris,
  replayDetection,
} from './client-patches.ts';
import { deviceClaims, deviceForms, userCodeLimit } from './device-patches.ts';
import { heldSignIns } from './held-sign-ins.ts';
import type { Patch, PatchDependencies } from './patch.ts';
import { EngineWithOwnPages, responseModes } from './response-modes.ts';
import { writtenTogether } from './written-together.ts';

/** All that is overridden in the engine, in the order in which it is applied: a later one of a member wraps the earlier ones. */
export const patches = {
  responseModes,
  tokenIds,
  successors,
  clientSecrets,
  redirectUris,
  logoutCalls,
  namedSessions,
  replayDetection,
  builtClients,
  begunSessions,
  rememberedSessions,
  idTokens,
  hashedTokens,
  toldClaims,
  saidLevel,
  unpromptedOffline,
  sessionTrace,
  sessionRename,
  heldSignIns,
  guardedClients,
  audiences,
  assertionRules,
  introspectedJwts,
  origins,
  narrowedGrants,
  boundTokens,
  judgedTokens,
  apiTokens,
  redirectUriChecks,
  deviceClaims,
  userCodeLimit,
  deviceForms,
  writtenTogether,
  calledEndpoints,
} as const satisfies Readonly<Record<string, Patch>>;

/** One engine for one set of keys and policies. It holds no state of its own, so another may take its place at any moment. */
export function createEngine(settings: Configuration, dependencies: Omit<PatchDependencies, 'settings'>): Engine {
  const engine = new EngineWithOwnPages(dependencies.issuer, settings);
  for (const patch of Object.values<Patch>(patches))
    if ('apply' in patch) patch.apply(engine, { ...dependencies, settings });
  return engine;
}
