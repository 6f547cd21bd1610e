/** How an attempt to sign in ends, by whichever method; the label of its figure. */
export const signInOutcomes = ['verified', 'wrong', 'throttled'] as const;
export type SignInOutcome = (typeof signInOutcomes)[number];
