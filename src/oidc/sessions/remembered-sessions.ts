import type { Provider } from 'oidc-provider';

type SignIn = { accountId: string; transient?: boolean };
type SessionModel = { transient?: boolean | undefined; loginAccount(signIn: SignIn): void };

/**
 * Each sign-in decides anew whether the browser is remembered. The engine only ever takes that away: whoever signed in for
 * the open browser alone, and then again to stay signed in, would be forgotten all the same.
 */
export function rememberAsAsked(engine: Provider): void {
  const model = engine.Session.prototype as unknown as SessionModel;
  const { loginAccount } = model;
  model.loginAccount = function loginAndRemember(signIn) {
    this.transient = undefined;
    loginAccount.call(this, signIn);
  };
}
