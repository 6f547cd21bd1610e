/**
 * mfa: proving it a second time.
 *
 * Owns    the pages of second factors and of adding one, who must have one (second_factor_request keeps since when).
 * Leaves  checking codes to credentials, passkeys to passkeys, what comes next to interaction/next-step.
 * URLs    /interaction/:uid/{second-factor,…}.
 */
export { SecondFactorRequest } from './second-factor-request.ts';
