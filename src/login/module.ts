/**
 * login: the step that finds out who is there.
 *
 * Owns    views/login, the pages for e-mail address, password and choice of account, the limit on tries from an address.
 * Leaves  what comes next to interaction/next-step, checking a password to credentials.
 * URLs    /interaction/:uid/{login,password,account}.
 */
import type Router from '@koa/router';
import { DAY } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import type { State } from '#kernel/http/context.ts';
import { browserCookie } from '#kernel/http/cookies.ts';
import { type LoginDependencies, LoginService } from './login-service.ts';
import { loginRoutes, type RouteDependencies } from './routes.ts';

export type Dependencies = LoginDependencies & { config: Pick<Config, 'issuerUrl'> } & Omit<
    RouteDependencies,
    'login' | 'deviceCookie'
  >;

export function createLogin(dependencies: Dependencies): { routes: Router<State> } {
  const deviceCookie = browserCookie(dependencies.config.issuerUrl, 'device', { maxAge: 180 * DAY });
  return { routes: loginRoutes({ ...dependencies, login: new LoginService(dependencies), deviceCookie }) };
}
export { addressLimit } from './address-limit.ts';
