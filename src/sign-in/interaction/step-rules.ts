import type { Context } from '#kernel/http/context.ts';
import type { Part } from '#kernel/postgres/one-statement.ts';
import type { SignInEnd, StepQuestion } from './interaction.ts';
import type { StepRequirements } from './requirements.ts';
import type { SignInFacts } from './sign-in-facts.ts';

/** A step of a sign-in without its pages: these need the sign-ins in progress, which need the rules. */
export type StepRules = {
  readonly name: string;
  /** The requirements for a user with a proof. A pure function of the facts. */
  requirements?(facts: SignInFacts, question: StepQuestion): StepRequirements;
  /** Writes at the end of a sign-in, in the same statement. */
  ending?(ctx: Context, end: SignInEnd): readonly Part[];
  /** Acts after the end of a sign-in, before the redirect to the relying party. */
  signedIn?(ctx: Context, end: SignInEnd): Promise<void>;
};
