import type { Middleware } from 'koa';
import { type errors, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { type AuditEvent, type AuditLog, byClient, byUser } from '#audit/module.ts';
import type { Database } from '#kernel/database.ts';
import { visitorOf } from '#kernel/http/context.ts';
import type { Throttle } from '#kernel/throttle.ts';
import type { UserActivity, UserId } from '#directory/users/module.ts';
import type { Reuse } from './artifacts/token-reuse.ts';
import type { Engine } from './engine.ts';
import { noteRefusals } from './refusals.ts';
import { tokenRefreshRefused, sessionEnded, tokenReused, tokenRevoked } from './events.ts';
import { REFUSED_REFRESH_RECORDED_EVERY } from './limits.ts';

type Dependencies = {
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  throttle: Pick<Throttle, 'consume'>;
};
type RefusedToken = Owned & {
  clientId?: string | undefined;
  grantId?: string | undefined;
  origin?: { organization?: string | undefined } | undefined;
};
type Owned = { accountId?: string | undefined };

/** Events of a request before they are written. */
const happened = new WeakMap<object, AuditEvent[]>();
/** The refresh token that a request showed and that was refused: the event, and the grant that it is counted by. */
const refused = new WeakMap<object, { event: AuditEvent; grant: string }>();

/**
 * The engine tells what it did; the record wants what that means. Tokens that are issued are counted, not recorded, and refusals are
 * in the log.
 */
export function noteEvents(engine: Engine, reuse: Pick<Reuse, 'of'>): void {
  noteRefusals(engine);
  engine.on('end_session.success', (ctx) => {
    const { session } = ctx.oidc;
    const accountId = session?.accountId;
    if (!accountId || !(session as { destroyed?: boolean }).destroyed) return;
    note(
      ctx,
      sessionEnded({
        ...byUser(accountId as UserId),
        subject: { type: 'user', id: accountId },
        sessionId: session.uid,
        details: { client_ids: Object.keys(session.authorizations ?? {}) },
      }),
    );
  });
  engine.on('grant.error', (ctx) => {
    const reused = reuse.of(ctx);
    if (reused === null) return;
    note(
      ctx,
      tokenReused({
        ...clientAt(ctx),
        ...of(reused.accountId),
        outcome: 'failure',
        details: { grant_type: String(ctx.oidc.params?.['grant_type']) },
      }),
    );
  });
  engine.on('grant.revoked', (ctx) => {
    if (ctx.oidc.route === 'revocation') note(ctx, tokenRevoked({ ...clientAt(ctx) }));
  });
}

/** Tells which users are active: by an answer to an authorization request, by tokens. */
export function noteActivity(engine: Engine, activity: Pick<UserActivity, 'note'>): void {
  const tell = ({ oidc }: KoaContextWithOIDC): void => {
    const accountId = oidc.entities.Account?.accountId ?? oidc.session?.accountId;
    if (accountId !== undefined) activity.note(accountId);
  };
  engine.on('authorization.success', tell);
  engine.on('grant.success', tell);
}

/** Around the engine: writes down what happened before the answer goes out. */
export function recordEvents({ database, audit, throttle }: Dependencies): Middleware {
  return async function recordEvents(ctx, next) {
    await next();
    const refusal = refused.get(ctx);
    const events = [...(happened.get(ctx) ?? [])];
    if (refusal && (await throttle.consume(ONCE, refusal.grant)).allowed) events.push(refusal.event);
    if (events.length === 0) return;
    const visitor = visitorOf(ctx);
    await database.transaction(async (em) => {
      for (const event of events) await audit.record(em, { ...event, visitor });
    });
  };
}

/** The request that is served now showed a refresh token that is known and that this refusal ends. */
export function noteRefusedRefresh(
  { clientId, accountId, grantId = '', origin }: RefusedToken,
  { error_detail: detail, error_description: told, message }: errors.OIDCProviderError,
): void {
  const { ctx } = Provider;
  if (!ctx) return;
  const event = tokenRefreshRefused({
    ...byClient(clientId),
    ...of(accountId),
    ...(origin?.organization === undefined ? {} : { organizationId: origin.organization }),
    outcome: 'failure',
    details: { reason: detail ?? told ?? message },
  });
  refused.set(ctx, { event, grant: grantId });
}

const ONCE = { name: 'refused-refreshes', points: 1, duration: REFUSED_REFRESH_RECORDED_EVERY } as const;

function clientAt({ oidc }: KoaContextWithOIDC): Pick<AuditEvent, 'actor' | 'subject' | 'clientId'> {
  const { client, entities } = oidc;
  const held = (entities.RefreshToken ?? entities.AuthorizationCode ?? entities.AccessToken) as Owned | undefined;
  return {
    ...byClient(client?.clientId),
    ...of(held?.accountId),
    ...(client ? { clientId: client.clientId } : {}),
  };
}

const of = (accountId: string | undefined) =>
  accountId === undefined ? {} : { subject: { type: 'user', id: accountId } };

function note(ctx: KoaContextWithOIDC, event: AuditEvent): void {
  happened.set(ctx, [...(happened.get(ctx) ?? []), event]);
}
