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

type Questions = {
  new (payload: object): Question;
  prototype: Question;
  find(uid: string, options?: object): Promise<Question | undefined>;
};

const resumes: ReadonlySet<string | undefined> = new Set(['resume', 'device_resume']);

/**
 * No user is signed in by it when the account was locked, or the password changed, meanwhile. A question that was asked in a
 * session of the user ends with that session. A sign-in ends once, however often its end is asked for at the same time.
 */
export const heldSignIns: Patch = {
  members: { 'Interaction.find': { method: 1 }, 'Interaction.prototype.destroy': { method: 0 } },
  reason:
    'The last redirect of a sign-in is made by the browser, which may hold it back; the engine reads the question and deletes it at once.',
  upstream: source('actions/authorization/resume.js'),
  apply(engine, { signIns }) {
    const questions = engine.Interaction as unknown as Questions;
    const taken = new WeakMap<Question, { accountId: string | null }>();
    const { find } = questions;
    questions.find = async function findOrTake(uid, options) {
      // Where the browser has a session, the engine may keep the question.
      const { oidc } = Provider.ctx ?? {};
      const isEnded = oidc?.route === 'resume' && oidc.session?.accountId === undefined;
      const own = isEnded ? await signIns.takeOutsideSession(uid) : null;
      if (own === null) return find.call(questions, uid, options);
      const question = new questions({ ...own.payload, jti: uid });
      taken.set(question, own);
      return question;
    };
    questions.prototype.destroy = async function takeSettled() {
      const accountId = this.result?.login?.accountId;
      const isInSession = this.session?.uid !== undefined && this.session.accountId === accountId;
      const isEnd = resumes.has(Provider.ctx?.oidc.route) && accountId !== undefined && !isInSession;
      const ended = taken.get(this) ?? (await signIns.take(sha256(this.uid)));
      if (ended === null) {
        // The engine would tell the device of this error, while another request is about to tell it the answer.
        this.deviceCode = undefined;
        throw new errors.SessionNotFound('interaction session not found');
      }
      if (isEnd && ended.accountId !== accountId)
        throw new errors.SessionNotFound('the sign-in was ended before it came back');
    };
  },
};
