import { type Patch, source } from './patch.ts';

type SignIn = { accountId: string; transient?: boolean };
type SessionModel = { transient?: boolean | undefined; loginAccount(signIn: SignIn): void };

export const rememberedSessions: Patch = {
  members: { 'Session.prototype.loginAccount': { method: 1 } },
  reason:
    'The engine never makes a session lasting again: a user who signs in for the open browser and later to stay signed in would be forgotten.',
  upstream: source('models/session.js'),
  apply(engine) {
    const model = engine.Session.prototype as unknown as SessionModel;
    const { loginAccount } = model;
    model.loginAccount = function loginAndRemember(signIn) {
      this.transient = undefined;
      loginAccount.call(this, signIn);
    };
  },
};
