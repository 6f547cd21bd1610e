import { type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { show } from '#kernel/views.ts';
import { forwardView } from '../pages/forward-view.ts';
import { type Patch, source } from './patch.ts';

type ResponseMode = Parameters<Provider['registerResponseMode']>[1];

/** The engine with our own handlers of response modes. */
export class EngineWithOwnPages extends Provider {
  /** Called by the engine for its own modes too. */
  override registerResponseMode(name: string, handler: ResponseMode): void {
    super.registerResponseMode(name, withIssuer(name, ownModes[name] ?? handler));
  }
}

export const responseModes: Patch = {
  members: { 'prototype.registerResponseMode': { method: 2 } },
  reason:
    'Answers that a browser posts to the relying party (Form Post Response Mode §2) stand on a page of ours. Answers with an ID token name the issuer as well (RFC 9207 §2).',
  upstream: source('helpers/initialize_app.js'),
  subclass: EngineWithOwnPages,
};

/**
 * RFC 9207 §2: every answer names its issuer. The engine leaves it out where an ID token does, which a client that checks `iss` alone would
 * not know. A signed answer (JARM) names it inside.
 */
function withIssuer(name: string, handler: ResponseMode): ResponseMode {
  if (name.includes('jwt')) return handler;
  return (ctx, redirectUri, payload) => handler(ctx, redirectUri, { ...payload, iss: ctx.oidc.issuer });
}

const ownModes: Readonly<Record<string, ResponseMode>> = {
  form_post: (ctx, redirectUri, payload) => postAnswer(ctx, redirectUri, payload, 'error' in payload),
  /** JWT Secured Authorization Response Mode §2.3. */
  async 'form_post.jwt'(ctx, redirectUri, payload) {
    const token = new ctx.oidc.provider.IdToken({}, { ctx }) as unknown as SignedAnswer;
    token.extra = payload;
    postAnswer(ctx, redirectUri, { response: await token.issue({ use: 'authorization' }) }, 'error' in payload);
  },
};

type SignedAnswer = { extra: unknown; issue(options: { use: 'authorization' }): Promise<string> };

function postAnswer(ctx: KoaContextWithOIDC, action: string, payload: object, isError: boolean): void {
  const fields = Object.fromEntries(Object.entries(payload).map(([name, value]) => [name, String(value)]));
  const status = ctx.status === 500 ? 500 : isError ? 400 : 200;
  show(ctx as never, status, forwardView, { action, fields });
}
