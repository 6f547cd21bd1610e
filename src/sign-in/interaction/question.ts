import { methods } from '#credentials/module.ts';
import { canonicalEmail } from '#directory/users/module.ts';
import type { EngineInteraction } from '#oidc/module.ts';
import type { SessionUser } from './facts.ts';
import { type Interaction, inside } from './interaction.ts';
import type { Question } from './next-step.ts';
import type { Ways } from './offered-first-factors.ts';
import { hintOf, type Lead, sends } from './remembered-lead.ts';

/** The part of a sign-in that decides the next step: what the engine asks, and what this browser remembers. */
export function questionOf(
  {
    remembered,
    providers,
    leadsTo,
    isClosed,
    question: { organization },
    [inside]: { question, progress, sessionUser, accounts, lead },
  }: Interaction,
  ways: Pick<Ways, 'openFor'>,
): Question {
  const open = ways.openFor(organization, providers);
  const { prompt, isAgain, asked } = question;
  const isChosen = progress.identifier !== null;
  // Nothing is sent to a remembered account before its user has typed or chosen it.
  const isLastUsed = remembered !== null && open.includes(remembered.way) && (isChosen || !sends(remembered.way));
  return {
    prompt: prompt.name,
    hasSession: sessionUser !== null,
    isAgain,
    asked,
    firstWay: leadsTo !== null || isClosed ? methods.federation.first.page : isLastUsed ? remembered.way : open[0],
    isLed: leadsTo !== null,
    remembered: rememberedHere(lead, accounts.length),
  };
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
