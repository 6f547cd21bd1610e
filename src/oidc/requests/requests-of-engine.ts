import type { Middleware } from 'koa';
import compose from 'koa-compose';
import { authenticatingPaths } from '../client-authentication/client-authentication.ts';
import { ignoreEmptySecrets } from '../client-authentication/empty-secrets.ts';
import type { Engine } from '../engine.ts';
import { keepValidLogout } from '../sessions/logout-request.ts';
import { interactionIds } from './interaction-ids.ts';
import { engineForms, postedRequests } from './engine-forms.ts';
import { readableRequests } from './readable-requests.ts';

/** Changes or refuses a request before the engine reads it, and marks an answer. */
export const requestsOfEngine = (issuer: string, engine: () => Engine): Middleware =>
  compose<Parameters<Middleware>[0]>([
    interactionIds,
    postedRequests,
    engineForms,
    ignoreEmptySecrets(authenticatingPaths, issuer),
    readableRequests,
    keepValidLogout(engine),
  ]);
