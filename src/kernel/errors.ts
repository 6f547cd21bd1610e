type AppErrorOptions = {
  /** Stable, dotted: `users.not_found`. */
  code: string;
  /** HTTP status. */
  status: number;
  /** Safe to show to every user, with advice. */
  message: string;
  /** Safe to show to every user. */
  details?: Readonly<Record<string, unknown>> | undefined;
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

/** Makes the errors of one code; the code, the status and a fixed message are known before one is made, so that documents can list them. */
export type ErrorType<A extends readonly unknown[] = []> = ((...given: A) => AppError) & {
  readonly code: string;
  readonly status: number;
  /** Null where it depends on what is given. */
  readonly message: string | null;
};

type ErrorDeclaration<A extends readonly unknown[]> = {
  code: string;
  status: number;
  /** Safe to show to everyone; says what to do. */
  message: string | ((...given: A) => string);
  details?: (...given: A) => Readonly<Record<string, unknown>>;
};

/** Declares an error that operations can name in their lists of errors. */
export function errorType<A extends readonly unknown[] = []>(declared: ErrorDeclaration<A>): ErrorType<A> {
  const { code, status, message, details } = declared;
  const make = (...given: A) =>
    new AppError({
      code,
      status,
      message: typeof message === 'string' ? message : message(...given),
      details: details?.(...given),
    });
  return Object.assign(make, { code, status, message: typeof message === 'string' ? message : null });
}

/** Makes a `switch` over a closed union exhaustive. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
