/** Why no passkey was added, for every page that adds one: what the browser says, and what the server does. */
export type NewPasskeyProblem =
  | 'cancelled'
  | 'timed_out'
  | 'exists'
  | 'unsupported'
  | 'failed'
  | 'expired'
  | 'refused'
  | 'not_allowed'
  | 'taken'
  | 'full';
