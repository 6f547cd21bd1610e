/**
 * login: the step that finds out who is there.
 *
 * Owns    views/login, the pages for e-mail address, password and choice of account, the limit on tries from an address.
 * Leaves  what comes next to interaction/next-step, checking a password to credentials.
 * URLs    /interaction/:uid/{login,password,account}.
 */
import type { Router } from '#kernel/http/router.ts';
import type { State } from '#kernel/http/context.ts';
import { type LoginDependencies, LoginService } from './login-service.ts';
import { loginRoutes, type RouteDependencies } from './routes.ts';

export type Dependencies = LoginDependencies & Omit<RouteDependencies, 'login'>;

export function createLogin(dependencies: Dependencies): { routes: Router<State> } {
  return { routes: loginRoutes({ ...dependencies, login: new LoginService(dependencies) }) };
}
export { addressLimit } from './address-limit.ts';
