/**
 * login: the step for email address and password.
 *
 * Owns    views/sign-in/login, the pages for e-mail address, password and choice of account, the limit on tries from an address.
 * Leaves  the next step to interaction/next-step, password checks to credentials.
 * URLs    /interaction/:uid/{login,password,account}, …/account/forget, …/cancel.
 */
import type { SignInStep } from '#sign-in/interaction/module.ts';
import { type LoginDependencies, LoginService } from './login-service.ts';
import { type ChooserDependencies, chooserRoutes } from './chooser-routes.ts';
import { loginRoutes, type RouteDependencies } from './routes.ts';

export type Dependencies = LoginDependencies &
  Omit<RouteDependencies, 'interactions' | 'login'> &
  Omit<ChooserDependencies, 'interactions'>;

/** Creates the sign-in step for email address and password. */
export function createLogin(dependencies: Dependencies): SignInStep {
  const login = new LoginService(dependencies);
  return {
    name: 'login',
    routes: (interactions) => [
      loginRoutes({ ...dependencies, interactions, login }),
      chooserRoutes({ ...dependencies, interactions }),
    ],
  };
}
export { addressLimit } from './address-limit.ts';
