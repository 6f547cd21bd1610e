import type { Configuration } from 'oidc-provider';
import type { Engine } from '../engine.ts';
import { begunSessions } from './begun-sessions.ts';
import { boundTokens } from './bound-tokens.ts';
import { builtClients } from './built-clients.ts';
import { clientSecrets } from './client-secrets.ts';
import { deviceClaims } from './device-claims.ts';
import { guardedClients } from './guarded-clients.ts';
import { heldSignIns } from './held-sign-ins.ts';
import { idTokens } from './id-tokens.ts';
import { introspectedJwts } from './introspected-jwts.ts';
import { judgedTokens } from './judged-tokens.ts';
import { logoutCalls } from './logout-calls.ts';
import { narrowedGrants } from './narrowed-grants.ts';
import { origins } from './origins.ts';
import type { Patch, PatchDependencies } from './patch.ts';
import { redirectUriChecks } from './redirect-uri-checks.ts';
import { redirectUris } from './redirect-uris.ts';
import { rememberedSessions } from './remembered-sessions.ts';
import { replayDetection } from './replay-detection.ts';
import { EngineWithOwnPages, responseModes } from './response-modes.ts';
import { saidLevel } from './said-level.ts';
import { sessionRename } from './session-rename.ts';
import { sessionTrace } from './session-trace.ts';
import { tokenIds } from './token-ids.ts';
import { userCodeLimit } from './user-code-limit.ts';
import { writtenTogether } from './written-together.ts';

/** All that is overridden in the engine, in the order in which it is applied: a later one of a member wraps the earlier ones. */
export const patches = {
  responseModes,
  tokenIds,
  clientSecrets,
  redirectUris,
  logoutCalls,
  replayDetection,
  builtClients,
  begunSessions,
  rememberedSessions,
  idTokens,
  saidLevel,
  sessionTrace,
  sessionRename,
  heldSignIns,
  guardedClients,
  introspectedJwts,
  origins,
  narrowedGrants,
  boundTokens,
  judgedTokens,
  redirectUriChecks,
  deviceClaims,
  userCodeLimit,
  writtenTogether,
} as const satisfies Readonly<Record<string, Patch>>;

/** One engine for one set of keys and policies. It holds no state of its own, so another may take its place at any moment. */
export function createEngine(settings: Configuration, dependencies: Omit<PatchDependencies, 'settings'>): Engine {
  const engine = new EngineWithOwnPages(dependencies.issuer, settings);
  for (const patch of Object.values<Patch>(patches))
    if ('apply' in patch) patch.apply(engine, { ...dependencies, settings });
  return engine;
}
