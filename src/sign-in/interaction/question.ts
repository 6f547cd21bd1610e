import { methods } from '#credentials/module.ts';
import { canonicalEmail } from '#directory/users/module.ts';
import type { EngineInteraction } from '#oidc/module.ts';
import type { SessionUser } from './facts.ts';
import { type Inside, type Interaction, inside, isOfSession } from './interaction.ts';
import type { Question } from './next-step.ts';
import type { Way, Ways } from './offered-first-factors.ts';
import { firstFactorOf } from './proof.ts';
import { hintOf, type Lead, sends } from './remembered-lead.ts';

/** The part of a sign-in that decides the next step: what the engine asks, and what this browser remembers. */
export function questionOf(interaction: Interaction, ways: Pick<Ways, 'openFor'>): Question {
  const { remembered, providers, leadsTo, choices, isClosed, question: asking, [inside]: found } = interaction;
  const { organization } = asking;
  const { question, progress, sessionUser, accounts, lead } = found;
  const open = ways.openFor(organization, providers);
  const { prompt, isAgain, asked } = question;
  const isChosen = progress.identifier !== null && !progress.isCarried;
  // Nothing is sent to a remembered account before its user has typed or chosen it.
  const isLastUsed = remembered !== null && open.includes(remembered.way) && (isChosen || !sends(remembered.way));
  const rememberedWay = hasPasskeyHere(interaction, open) ? passkeyPage : isLastUsed ? remembered.way : open[0];
  // The user of the session has the factor with which it began, and maybe no other one.
  const sessionWay = isOfSession(found) ? wayOfSession(found, open) : null;
  const firstWay =
    leadsTo !== null || choices.length > 0 || isClosed ? methods.federation.first.page : (sessionWay ?? rememberedWay);
  return {
    prompt: prompt.name,
    hasSession: sessionUser !== null,
    isAgain,
    asked,
    firstWay,
    isLed: leadsTo !== null || choices.length > 0,
    // A request of an application must not send a mail.
    mustType: isAgain && !isChosen && sends(firstWay),
    remembered: rememberedHere(lead, accounts.length),
  };
}

const passkeyPage = methods.passkey.first.page;

/** Whether this browser has a passkey for the address, and no other way was used here since. */
function hasPasskeyHere({ identifier, remembered, [inside]: found }: Interaction, open: readonly Way[]): boolean {
  const since = identifier === null || !open.includes(passkeyPage) ? null : found.passkeySince(identifier);
  return since !== null && (remembered === null || remembered.at <= since);
}

function wayOfSession({ question: { session }, again }: Inside, open: readonly Way[]): Way | null {
  const factor = session && firstFactorOf(session.amr);
  // A connection that is not in use any more.
  const isGone = session !== null && session.connection !== null && again === null;
  if (factor === null || isGone) return null;
  const way = methods[factor].first.page;
  return open.includes(way) ? way : null;
}

function rememberedHere(lead: Lead['kind'], count: number): Question['remembered'] {
  if (lead === 'choice') return 'choice';
  return count > 0 ? 'some' : 'none';
}

/**
 * The question as it is for the user that the request names: a `login_hint` with the email address of another user than the session's
 * means that other user (OpenID Connect Core §3.1.2.1). The user of the session is then not asked again, nor asked for more.
 */
export function forHintedUser(
  question: EngineInteraction,
  sessionUser: Pick<SessionUser, 'identifier'> | null,
): EngineInteraction {
  const { isAgain, isStepUp, params } = question;
  const hint = canonicalEmail(hintOf(params));
  const isOfAnother = sessionUser !== null && hint !== null && hint !== canonicalEmail(sessionUser.identifier);
  return isOfAnother && (isAgain || isStepUp) ? { ...question, isAgain: false, isStepUp: false } : question;
}
