import { errors, Provider } from 'oidc-provider';
import { sha256 } from '#kernel/crypto.ts';
import { type Patch, source } from './patch.ts';

type Question = {
  uid: string;
  result?: { login?: { accountId?: string } };
  session?: { uid?: string; accountId?: string };
  deviceCode?: string | undefined;
  destroy(): Promise<void>;
};

const resumes: ReadonlySet<string | undefined> = new Set(['resume', 'device_resume']);

/**
 * Nobody is signed in by it when the account was locked, or the password changed, meanwhile. A question that was asked in a
 * session of the user ends with that session. A sign-in ends once, however often its end is asked for at the same time.
 */
export const heldSignIns: Patch = {
  members: { 'Interaction.prototype.destroy': { method: 0 } },
  reason: 'The last redirect of a sign-in is made by the browser, which may hold it back.',
  upstream: source('actions/authorization/resume.js'),
  apply(engine, { signIns }) {
    const model = engine.Interaction.prototype as unknown as Question;
    model.destroy = async function takeSettled() {
      const accountId = this.result?.login?.accountId;
      const isInSession = this.session?.uid !== undefined && this.session.accountId === accountId;
      const isEnd = resumes.has(Provider.ctx?.oidc.route) && accountId !== undefined && !isInSession;
      const taken = await signIns.take(sha256(this.uid));
      if (taken === null) {
        // The engine would tell the device of this error, while another request is about to tell it the answer.
        this.deviceCode = undefined;
        throw new errors.SessionNotFound('interaction session not found');
      }
      if (isEnd && taken.accountId !== accountId)
        throw new errors.SessionNotFound('the sign-in was ended before it came back');
    };
  },
};
