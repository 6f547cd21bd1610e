import { type Interaction, inside } from './interaction.ts';
import type { Question } from './next-step.ts';
import type { Ways } from './offered-first-factors.ts';
import { type Lead, sends } from './remembered-lead.ts';

/** The part of a sign-in that decides the next step: what the engine asks, and what this browser remembers. */
export function questionOf(
  {
    remembered,
    question: { organization },
    [inside]: { question, progress, sessionUser, accounts, lead },
  }: Interaction,
  ways: Pick<Ways, 'openFor'>,
): Question {
  const open = ways.openFor(organization);
  const { prompt, isAgain, asked } = question;
  const isChosen = progress.identifier !== null;
  // Nothing is sent to a remembered account before its user has typed or chosen it.
  const isLastUsed = remembered !== null && open.includes(remembered.way) && (isChosen || !sends(remembered.way));
  return {
    prompt: prompt.name,
    hasSession: sessionUser !== null,
    isAgain,
    asked,
    firstWay: isLastUsed ? remembered.way : open[0],
    remembered: rememberedHere(lead, accounts.length),
  };
}

function rememberedHere(lead: Lead['kind'], count: number): Question['remembered'] {
  if (lead === 'choice') return 'choice';
  return count > 0 ? 'some' : 'none';
}
