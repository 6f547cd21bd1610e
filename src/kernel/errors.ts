type AppErrorOptions = {
  /** Stable, dotted: `users.not_found`. */
  code: string;
  /** HTTP status. */
  status: number;
  /** Safe to show to anybody; says what to do. */
  message: string;
  /** Safe to show to anybody. */
  details?: Readonly<Record<string, unknown>>;
  /** Kept for the log alone. */
  cause?: unknown;
};

/** A member of `details`, in seconds; becomes the header `Retry-After`. */
export const RETRY_AFTER = 'retryAfter';

/** A refusal: something that the caller may see. Everything that is not an AppError is a fault of ours. */
export class AppError extends Error {
  readonly code: string;
  readonly status: number;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor({ code, status, message, details, cause }: AppErrorOptions) {
    super(message, { cause });
    this.name = 'AppError';
    this.code = code;
    this.status = status;
    this.details = details;
  }
}

/** Makes a `switch` over a closed union exhaustive. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
