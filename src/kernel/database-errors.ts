/** Which failures of the database pass by themselves, so that the answer is "try again soon" and not "we are broken". */

/** Classes and codes of PostgreSQL (appendix A) that say nothing about the statement. */
const transientStates = /^(08...|53[0-3]..|57014|57P0[1-5]|40001|40P01|55P03|25006|25P0[34]|58030)$/;

/** Error codes of the socket, the resolver or the pool when the server is down. */
const transientCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** The driver has no codes for these. */
const transientMessages =
  /^(Connection terminated|timeout expired|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end)/;

/** Looks through what the mapper and our own code wrap around the driver's error. */
export function isTransient(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error) || depth > 8) return false;
  if (isTransientItself(error)) return true;
  const { cause, previous, errors } = error as { cause?: unknown; previous?: unknown; errors?: unknown };
  return [cause, previous, ...(Array.isArray(errors) ? errors : [])].some((inner) => isTransient(inner, depth + 1));
}

function isTransientItself(error: Error): boolean {
  const code = 'code' in error ? String(error.code) : '';
  // ENOENT is a missing Unix socket here, and a missing file of ours anywhere else.
  if (code === 'ENOENT') return 'syscall' in error && error.syscall === 'connect';
  return transientStates.test(code) || transientCodes.has(code) || transientMessages.test(error.message);
}
