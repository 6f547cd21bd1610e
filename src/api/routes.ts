import { z } from 'zod';
import { OWN_API } from '#applications/apis/module.ts';
import { organizationNotFound } from '#directory/organizations/errors.ts';
import { hasBody, readBody, readJson } from '#kernel/http/body.ts';
import { type Context, type Middleware, type State, visitorOf } from '#kernel/http/context.ts';
import { requestIdField } from '#kernel/http/problem.ts';
import { notAllowed } from '#kernel/http/request-guard.ts';
import { Router } from '#kernel/http/router.ts';
import { readInput } from '#kernel/operations/input.ts';
import type { AccessTokens } from '#oidc/module.ts';
import { type Caller, type Callers, mayCall } from './callers.ts';
import { permissionMissing, unexpectedBody } from './errors.ts';
import type { Answer } from './answer.ts';
import { type Call, type ConditionalCalls, conditionsOf } from './conditional-calls.ts';
import { deprecationFields } from './deprecation.ts';
import { idempotencyKeyOf } from './idempotency/idempotency-key.ts';
import type { StoredAnswers } from './idempotency/stored-answers.ts';
import type { MountedOperation } from './mounted-operation.ts';

type RouteDependencies = {
  issuer: string;
  mounted: readonly MountedOperation[];
  /** The document of OpenAPI, as text. */
  document(): string;
  tokens: Pick<AccessTokens, 'check'>;
  callers: Callers;
  calls: ConditionalCalls;
  answers: Pick<StoredAnswers, 'once'>;
};

/** One address for each operation that is mounted, and the document about them. */
export function apiRoutes({
  issuer,
  mounted,
  document,
  tokens,
  callers,
  calls,
  answers,
}: RouteDependencies): Router<State> {
  const router = new Router<State>();
  for (const operation of mounted) {
    const path = operation.route.path.replaceAll(/\{(\w+)\}/g, ':$1');
    if (operation.route.method === 'GET') router.get(path, answer);
    if (operation.route.method === 'POST') router.post(path, answer);
    if (operation.route.method === 'PATCH') router.patch(path, answer);
    if (operation.route.method === 'DELETE') router.delete(path, answer);

    async function answer(ctx: Context): Promise<void> {
      const organizationId = operation.organizationOf(ctx.params);
      ctx.set(endOf(operation, ctx.params));
      const check = () => tokens.check(ctx, OWN_API);
      const tell = (fields: Readonly<Record<string, string>>) => ctx.set(fields);
      const caller = await callers.identify(ctx.req, check, visitorOf(ctx), organizationId ?? null, tell);
      if (!mayCall(caller, operation, organizationId)) throw refuse(ctx, operation, caller, organizationId);
      if (organizationId === null) throw organizationNotFound();
      const given = { params: operation.readParams({ ...ctx.params }), input: await inputOf(ctx, operation) };
      const call: Call = {
        operation,
        given,
        by: caller.by,
        conditions: conditionsOf(ctx.headers),
        may: (other) => mayCall(caller, other, other.organizationOf(ctx.params)),
        refusalOf: (other) => refuse(ctx, other, caller, other.organizationOf(ctx.params)),
      };
      const key = operation.route.method === 'POST' ? idempotencyKeyOf(ctx.req) : undefined;
      // Wrong input takes neither a key nor a turn.
      if (!operation.route.reads) readInput(operation.operation.input, given.input);
      const run = () => calls.answer(call);
      send(ctx, await (key === undefined ? run() : once(ctx, { caller: caller.key, key }, run)));
    }
  }
  router.get('/api/openapi.json', showDocument);

  async function showDocument(ctx: Context): Promise<void> {
    ctx.set('Cache-Control', KEEP);
    send(ctx, { status: 200, json: document(), fields: {} });
  }

  /** The request that counts for the key is its method, address and bytes. */
  async function once(ctx: Context, { caller, key }: { caller: string; key: string }, run: () => Promise<Answer>) {
    // It was read before, within its limit.
    const body = hasBody(ctx.req) ? await readBody(ctx, Number.POSITIVE_INFINITY) : Buffer.of();
    const request = JSON.stringify([ctx.method, ctx.path, ctx.querystring, body.toString('base64')]);
    return answers.once({ caller, key, request }, run, () => ctx.set('Idempotency-Replayed', 'true'));
  }

  function endOf({ operation: { deprecated } }: MountedOperation, params: Context['params']): Record<string, string> {
    if (deprecated === null) return {};
    const successor = mounted.find(({ operation: { name } }) => name === deprecated.use);
    return deprecationFields({ issuer, deprecated, successor, params });
  }

  /** RFC 6750 §3.1: the scope that is missing is named. An organization of others is answered like one that does not exist. */
  function refuse(
    ctx: Context,
    { permission }: MountedOperation,
    { scheme, hasScope, knowsOrganization }: Caller,
    organizationId: string | null | undefined,
  ): Error {
    if (organizationId !== undefined && hasScope(permission) && !knowsOrganization) return organizationNotFound();
    ctx.set('WWW-Authenticate', `${scheme} realm="${issuer}", error="insufficient_scope", scope="${permission}"`);
    return permissionMissing(permission);
  }

  return router;
}

/** Refuses the methods that an address does not take. To be asked after the routes. */
export function refuseOtherMethods(router: Router<State>): Middleware {
  return async function refuseOtherMethods(ctx, next) {
    const methods = router.match(ctx.path, ctx.method).path.flatMap((route) => route.methods);
    if (methods.length > 0) throw notAllowed(ctx, [...new Set(methods)].toSorted());
    return next();
  };
}

/** Long enough to spare us most look-ups; a new release is seen soon. */
const KEEP = 'public, max-age=300';
/** RFC 7396, whose media type says what the body means, and the plain one. */
const PATCH_TYPES: readonly string[] = ['application/merge-patch+json', 'application/json'];
const noMembers = z.strictObject({});

/**
 * The members of the body, or of the query where the operation reads; none stand in the other.
 * Throws input.invalid, api.unexpected_body.
 */
async function inputOf(ctx: Context, { route, readQuery }: MountedOperation): Promise<unknown> {
  if (route.reads && hasBody(ctx.req)) throw unexpectedBody();
  if (route.reads) return readQuery(ctx.query);
  readInput(noMembers, ctx.query);
  if (route.method === 'PATCH') ctx.set('Accept-Patch', PATCH_TYPES.join(', '));
  const types = route.method === 'PATCH' ? PATCH_TYPES : undefined;
  // Null is not a valid input.
  return hasBody(ctx.req) ? ((await readJson(ctx, undefined, types)) ?? []) : {};
}

function send(ctx: Context, { status, json, fields }: Answer): void {
  ctx.status = status;
  ctx.body = json;
  ctx.set(requestIdField(ctx.state.requestId));
  ctx.set(fields);
  if (json !== null) ctx.set('Content-Type', 'application/json; charset=utf-8');
}
