import type { Context } from '#kernel/http/context.ts';
import type { Part } from '#kernel/postgres/one-statement.ts';
import type { SignInEnd, StepQuestion } from './interaction.ts';
import type { StepRequirements } from './requirements.ts';
import type { SignInFacts } from './sign-in-facts.ts';

/** A step of a sign-in without its pages: these need the sign-ins in progress, which need the rules. */
export type StepRules = {
  readonly name: string;
  /** What it requires of a user who has proved something. Pure: everything that it needs is among the facts. */
  requirements?(facts: SignInFacts, question: StepQuestion): StepRequirements;
  /** What it writes with the end of a sign-in, in the same statement. */
  ending?(ctx: Context, end: SignInEnd): readonly Part[];
  /** What it does when a sign-in has ended, before the relying party is told. */
  signedIn?(ctx: Context, end: SignInEnd): Promise<void>;
};
