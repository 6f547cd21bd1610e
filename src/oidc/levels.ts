/**
 * How strongly a sign-in was proved, as `acr` says it (OpenID Connect Core §2):
 * 1 one factor; 2 two factors; 3 a factor that cannot be phished, with its owner verified (passkey).
 */
export const LEVELS = [1, 2, 3] as const;
export type Level = (typeof LEVELS)[number];

/** The `acr` value of a level. */
export const acrOf = (level: Level): string => `urn:latchkey:acr:${level}`;

/** Every value of `acr` that is ever said, the weakest first. */
export const acrValues: readonly string[] = LEVELS.map(acrOf);

/** Null for a value that is not ours. */
export function levelOf(acr: unknown): Level | null {
  return LEVELS.find((level) => acrOf(level) === acr) ?? null;
}

/** The level that a relying party requests: `essential` when anything less is a failed sign-in (OpenID Connect Core §5.5.1.1). */
export type AskedLevel = { level: Level; essential: boolean };

/**
 * The request for the claim. `acr_values` and a claim that is not essential are voluntary, and add up; the engine would
 * let `acr_values` replace an essential claim.
 */
export function requestedAcr({ claims, acr_values: acrValues }: Readonly<Record<string, unknown>>): AcrRequest {
  const parsed = (typeof claims === 'string' ? JSON.parse(claims) : {}) as { id_token?: { acr?: AcrRequest } | null };
  const claim = parsed.id_token?.acr;
  if (claim?.essential === true) return claim;
  return { values: [...namedValues(claim), ...(typeof acrValues === 'string' ? acrValues.split(' ') : [])] };
}

type AcrRequest = { essential?: unknown; value?: unknown; values?: unknown } | null | undefined;

/** Every value named in the claim request. */
function namedValues(request: AcrRequest): readonly unknown[] {
  return [
    ...(request?.value === undefined ? [] : [request.value]),
    ...(Array.isArray(request?.values) ? (request.values as unknown[]) : []),
  ];
}

/** The least level that satisfies a request; null when it names none of ours, or asks nothing. */
export function askedLevel(request: AcrRequest): AskedLevel | null {
  const known = namedValues(request).flatMap((value) => levelOf(value) ?? []);
  return known.length === 0 ? null : { level: Math.min(...known) as Level, essential: request?.essential === true };
}

/** Whether a request cannot be met at any level: it is essential and names nothing of ours. */
export function isUnreachable(request: AcrRequest): boolean {
  return request?.essential === true && namedValues(request).length > 0 && askedLevel(request) === null;
}

/** The `acr` to say for a session: the strongest value that was asked for and is reached, else what the session has. */
export function saidAcr(request: AcrRequest, sessionAcr: string | undefined): string | undefined {
  const reached = levelOf(sessionAcr);
  if (reached === null) return sessionAcr;
  const fitting = namedValues(request)
    .flatMap((value) => levelOf(value) ?? [])
    .filter((level) => level <= reached);
  return fitting.length === 0 ? sessionAcr : acrOf(Math.max(...fitting) as Level);
}
