import { errors, Provider } from 'oidc-provider';
import type { Engine } from '../engine.ts';

/** Uses up what vouches for a finished sign-in; false when it is worth nothing any more. */
export type SettleSignIn = (uid: string, accountId: string) => Promise<boolean>;

type Question = {
  uid: string;
  result?: { login?: { accountId?: string } };
  session?: { uid?: string; accountId?: string };
  destroy(): Promise<void>;
};

const resumes: ReadonlySet<string | undefined> = new Set(['resume', 'device_resume']);

/**
 * The last redirect of a sign-in is the browser's, which may hold it back. Nobody is signed in by it when the account was
 * locked, or the password changed, meanwhile. A question that was asked in a session of the person ends with that session.
 */
export function settleHeldSignIns(engine: Engine, settle: SettleSignIn): void {
  const model = engine.Interaction.prototype as unknown as Question;
  const { destroy } = model;
  model.destroy = async function destroySettled() {
    const accountId = this.result?.login?.accountId;
    const isInSession = this.session?.uid !== undefined && this.session.accountId === accountId;
    const isEnd = resumes.has(Provider.ctx?.oidc.route) && accountId !== undefined && !isInSession;
    const isGood = !isEnd || (await settle(this.uid, accountId));
    await destroy.call(this);
    if (!isGood) throw new errors.SessionNotFound('the sign-in was ended before it came back');
  };
}
