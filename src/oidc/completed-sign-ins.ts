import { createHash } from 'node:crypto';
import { errors } from 'oidc-provider';
import { equalSecrets } from '#kernel/crypto.ts';
import type { Origin } from './authority/origin.ts';
import { words } from './authority/authority.ts';
import { askWithoutClient } from './client-authentication/client-authentication.ts';
import type { Engine } from './engine.ts';
import { type Level, levelOf } from './levels.ts';
import { currentRequest } from './patches/inner-parts.ts';

/** A sign-in that a client of this instance itself asked for. */
export type CompletedSignIn = {
  accountId: string;
  /** Names the session of the browser; it is not the cookie and opens nothing. */
  sessionId: string;
  /** The name of the session for this client alone, as ID tokens have it. */
  sid: string;
  level: Level;
  amr: readonly string[];
  /** NumericDate. */
  authTime: number;
  scopes: readonly string[];
  organizationId: string | null;
};

/** The members of the request for the code. */
type Asked = { clientId: string; redirectUri: string; codeVerifier: string };

type Code = {
  clientId?: string;
  accountId?: string;
  redirectUri?: string;
  codeChallenge?: string;
  isValid: boolean;
  sessionUid?: string;
  sid?: string;
  acr?: string;
  amr?: readonly string[];
  authTime?: number;
  scope?: string;
  origin?: Origin;
  consume(): Promise<void>;
};

/** Authorization codes of clients that are parts of this process: read here, so that they never go to the token endpoint. */
export class CompletedSignIns {
  readonly #engine: () => Engine;

  constructor(engine: () => Engine) {
    this.#engine = engine;
  }

  /** The sign-in behind a code, once; null for a code that the token endpoint would refuse. */
  async redeem(code: string, asked: Asked): Promise<CompletedSignIn | null> {
    const engine = this.#engine();
    const request = askWithoutClient();
    return currentRequest.run(request, async () => {
      const found = (await engine.AuthorizationCode.find(code)) as unknown as Code | undefined;
      if (found === undefined || !isAnswerTo(found, asked) || !(await isConsumed(found))) return null;
      const { accountId, sessionUid, sid, authTime } = found;
      if (accountId === undefined || sessionUid === undefined || sid === undefined) return null;
      return {
        accountId,
        sessionId: sessionUid,
        sid,
        level: found.origin?.level ?? levelOf(found.acr) ?? 1,
        amr: found.amr ?? [],
        authTime: authTime ?? 0,
        scopes: words(found.scope),
        organizationId: found.origin?.organization ?? null,
      };
    });
  }
}

/** RFC 7636 §4.6. */
function isAnswerTo(code: Code, { clientId, redirectUri, codeVerifier }: Asked): boolean {
  const challenge = createHash('sha256').update(codeVerifier).digest('base64url');
  return (
    code.isValid &&
    code.clientId === clientId &&
    code.redirectUri === redirectUri &&
    equalSecrets(code.codeChallenge ?? '', challenge)
  );
}

async function isConsumed(code: Code): Promise<boolean> {
  try {
    await code.consume();
    return true;
  } catch (error) {
    if (error instanceof errors.OIDCProviderError && error.statusCode < 500) return false;
    throw error;
  }
}
