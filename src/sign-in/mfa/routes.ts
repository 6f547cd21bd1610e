import { byUser, byVisitor } from '#audit/module.ts';
import type { Router } from '#kernel/http/router.ts';
import {
  codeFactors,
  digitCode,
  isSentFactor,
  methods,
  recoveryCodeShape,
  type TotpService,
  triedCode,
  type TrustedDevices,
  unavailableWhenBusy,
} from '#credentials/module.ts';
import {
  type DueInteraction,
  type InteractionService,
  type RefusedSignIns,
  StepRouter,
} from '#sign-in/interaction/module.ts';
import { unreachable } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { type ReadUser, shownAccount, type UserId } from '#directory/users/module.ts';
import { type CodePage, codeView } from './code-view.ts';
import { provenNumber, maskedAddress, type SecondFactorService } from './second-factor-service.ts';
import { codeForm, methodForm, sendForm } from './mfa-form.ts';
import { anotherWayView } from './another-way-view.ts';
import { sendView } from './send-view.ts';
import { type CodeWay, type SentWay, iconOf, type Way, waysOf } from './offered-second-factors.ts';

export type RouteDependencies = {
  interactions: Pick<InteractionService, 'require' | 'due' | 'recordProofIn' | 'proceed'>;
  secondFactors: SecondFactorService;
  totp: Pick<TotpService, 'find'>;
  trustedDevices: Pick<TrustedDevices, 'daysFor' | 'trust'>;
  trustCookie: BrowserCookie;
  /** The account may know the browser by it: then its tries are counted apart. */
  deviceCookie: Pick<BrowserCookie, 'read'>;
  refused: Pick<RefusedSignIns, 'note'>;
  /** Whether an organization of the user can help. */
  isMember(userId: UserId): Promise<boolean>;
};

/** A sign-in at its second step: who it is of, and the ways that are open. */
type Turn = { due: DueInteraction; user: ReadUser; ways: readonly Way[]; base: string };

const codePage = formPage<Pick<CodePage, 'remember' | 'problem' | 'resent'>>();

/** The second step of a sign-in, and the other ways to take it. Passkeys have a page of their own in their slice. */
export function secondFactorRoutes({
  interactions,
  secondFactors,
  totp,
  trustedDevices,
  trustCookie,
  deviceCookie,
  refused,
  isMember,
}: RouteDependencies): Router<State> {
  const router = new StepRouter();
  const path = '/interaction/:uid/second-factor';

  router.page('second-factor', leadToWay);
  router.get(`${path}/methods`, showWays);
  router.post(`${path}/methods`, chooseWay);
  for (const way of codeFactors) addCodePage(way);
  for (const way of codeFactors.filter(isSentFactor)) addSendPage(way);

  async function leadToWay(ctx: Context): Promise<void> {
    const turn = await begin(ctx);
    if (turn) seeOther(ctx, `${turn.base}/${turn.ways[0] ?? 'methods'}`);
  }

  async function showWays(ctx: Context): Promise<void> {
    const turn = await begin(ctx);
    if (!turn) return;
    const { due, user, ways, base } = turn;
    const by = byUser(due.userId, visitorOf(ctx), due.question.client.id);
    if (ways.length === 0) await refused.note(due, 'factor', by);
    show(ctx, 200, anotherWayView, {
      action: `${base}/methods`,
      ...whose(turn),
      ways: ways.map((way) => ({
        way,
        icon: iconOf(way),
        sentTo: isSentFactor(way) ? sentTo(user, way) : null,
        left: methods[way].channel === 'paper' ? (due.facts.held.recoveryCodes ?? 0) : null,
      })),
      isMember: await isMember(due.userId),
      backUrl: base,
    });
  }

  async function chooseWay(ctx: Context): Promise<void> {
    const turn = await begin(ctx);
    if (!turn) return;
    const form = await methodForm.read(ctx);
    const way = turn.ways.find((each) => each === form.values.method);
    if (way === undefined) return seeOther(ctx, `${turn.base}/methods`);
    return isSentFactor(way) ? send(ctx, turn, way) : seeOther(ctx, `${turn.base}/${way}`);
  }

  /** The page from which a code is sent. */
  function addSendPage(way: SentWay): void {
    router.get(`${path}/${way}`, showOwnSend);
    router.post(`${path}/${way}`, sendCode);

    async function showOwnSend(ctx: Context): Promise<void> {
      const turn = await begin(ctx, way);
      if (turn) showSend(ctx, turn, way);
    }

    async function sendCode(ctx: Context): Promise<void> {
      const turn = await begin(ctx, way);
      if (!turn) return;
      const form = await sendForm.read(ctx);
      await (form.values.action === 'send' ? sendAgain(ctx, turn, way) : send(ctx, turn, way));
    }
  }

  /** The page on which a code is typed. */
  function addCodePage(way: CodeWay): void {
    const page = isSentFactor(way) ? `${path}/${way}/code` : `${path}/${way}`;
    router.get(page, showOwnCode);
    router.post(page, submitCode);

    async function showOwnCode(ctx: Context): Promise<void> {
      const turn = await begin(ctx, way);
      if (turn) await showCode(ctx, turn, way);
    }

    async function submitCode(ctx: Context): Promise<void> {
      const turn = await begin(ctx, way);
      if (!turn) return;
      const form = await codeForm.read(ctx);
      const remember = form.values.remember !== undefined;
      const refuse = (problem: CodePage['problem']) => codePage.refuse(ctx, ctx.path, { remember, problem });
      const digits = await digitsOf(way, turn.due.userId);
      const tried = triedCode(form, digits === null ? recoveryCodeShape : digitCode(digits));
      if ('lack' in tried) return refuse({ kind: tried.lack });
      const outcome = await attempt(ctx, turn, { way, code: tried.code });
      switch (outcome.kind) {
        case 'verified':
          return goOn(ctx, turn, { way, remember });
        case 'unavailable':
        case 'wrong':
        case 'used-up':
        case 'throttled':
          return refuse(outcome);
        default:
          return unreachable(outcome);
      }
    }
  }

  function attempt(ctx: Context, { due }: Turn, typed: { way: CodeWay; code: string }) {
    const { userId } = due;
    const proof = { factor: typed.way, amr: methods[typed.way].amr };
    return secondFactors
      .attempt(due, typed, arrivalOf(ctx, due), (em) => interactions.recordProofIn(em, due, { userId, proof }))
      .catch(unavailableWhenBusy);
  }

  async function goOn(ctx: Context, turn: Turn, { way, remember }: { way: CodeWay; remember: boolean }): Promise<void> {
    if (remember && methods[way].second.mayTrust) await trust(ctx, turn);
    return interactions.proceed(ctx, await interactions.require(ctx));
  }

  const arrivalOf = (ctx: Context, { question }: DueInteraction) => ({
    by: byVisitor(visitorOf(ctx), question.client.id),
    deviceSecret: deviceCookie.read(ctx),
  });

  /** Null when it is not this step's turn, or the way is closed: then the answer is written. */
  async function begin(ctx: Context, way?: Way): Promise<Turn | null> {
    const due = await interactions.due(ctx, 'second-factor');
    if (due === null) return null;
    const { requirements, facts, needed, question } = due;
    const turn = { factors: requirements.factors, proved: facts.proved, needed, asked: question.asked };
    const ways = waysOf(turn, facts.policy.mfa.factors);
    const base = `${due.path}/second-factor`;
    if (way === undefined || ways.includes(way)) return { due, user: facts.user, ways, base };
    seeOther(ctx, base);
    return null;
  }

  async function send(ctx: Context, turn: Turn, way: SentWay): Promise<void> {
    const outcome = await secondFactors.send(turn.due, way, arrivalOf(ctx, turn.due), ctx.state.language);
    const page = `${turn.base}/${way}/code`;
    return outcome === 'limited' ? codePage.refuse(ctx, page, { problem: { kind: 'limited' } }) : seeOther(ctx, page);
  }

  async function sendAgain(ctx: Context, turn: Turn, way: SentWay): Promise<void> {
    const resent = await secondFactors.sendAgain(turn.due, way, arrivalOf(ctx, turn.due), ctx.state.language);
    codePage.refuse(ctx, `${turn.base}/${way}/code`, { resent });
  }

  async function trust(ctx: Context, { user }: Turn): Promise<void> {
    const secret = await trustedDevices.trust(user, trustCookie.read(ctx), byUser(user.id, visitorOf(ctx)));
    if (secret !== null) trustCookie.write(ctx, secret);
  }

  function showSend(ctx: Context, turn: Turn, way: SentWay): void {
    show(ctx, 200, sendView, {
      way,
      action: `${turn.base}/${way}`,
      ...whose(turn),
      sentTo: sentTo(turn.user, way),
      anotherUrl: anotherUrl(turn),
    });
  }

  async function showCode(ctx: Context, turn: Turn, way: CodeWay): Promise<void> {
    const { remember = false, problem = null, resent = null } = codePage.refused(ctx);
    const page = isSentFactor(way) ? `${turn.base}/${way}/code` : `${turn.base}/${way}`;
    show(ctx, 200, codeView, {
      way,
      action: page,
      ...whose(turn),
      sentTo: isSentFactor(way) ? sentTo(turn.user, way) : null,
      sendUrl: isSentFactor(way) ? `${turn.base}/${way}` : null,
      digits: await digitsOf(way, turn.due.userId),
      trustDays: methods[way].second.mayTrust ? await trustedDevices.daysFor(turn.user) : 0,
      remember,
      anotherUrl: anotherUrl(turn),
      retryUrl: page,
      problem,
      resent,
    });
  }

  /** Apps that came from elsewhere may show more than six. */
  async function digitsOf(way: CodeWay, userId: UserId): Promise<number | null> {
    const { channel } = methods[way];
    if (channel === 'paper') return null;
    return channel === 'app' ? ((await totp.find(userId))?.digits ?? 6) : 6;
  }

  return router;
}

const whose = ({ user, due }: Pick<Turn, 'user' | 'due'>) => ({
  account: shownAccount(user),
  changeUrl: `${due.path}/login`,
});

const anotherUrl = ({ ways, base }: Turn): string | null => (ways.length > 1 ? `${base}/methods` : null);

const sentTo = (user: ReadUser, way: SentWay): string =>
  maskedAddress((way === 'email' ? user.email : provenNumber(user)) ?? '');
