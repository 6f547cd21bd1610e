/**
 * An operation is one thing that an operator, a service or a program can do to an object, declared once in the slice that owns
 * the object. Its route of the management API, its entry in the OpenAPI document and its command are made from the declaration.
 */
import { z } from 'zod';
import type { ErrorType } from '../errors.ts';
import type { Written, WrittenObject } from './written.ts';

const noMembers = z.strictObject({});

/** How one member is given on the command line. */
export type CommandOption = {
  /** As Commander writes it: `--redirect-uri <uri>`, or `<name>`, `[file]`, `[email...]` for an argument. */
  flags: string;
  /** Makes the member of one given text; `previous` is the value so far where the option may be repeated. */
  read?: (text: string, previous: unknown) => unknown;
  /** The text given names a file, whose text is the member: as JSON, where the member is an object or a list of objects. */
  isFile?: true;
};

/** How an operation stands on the command line where that differs from what its name and schemas give. */
export type CommandShape = {
  /** Words after `latchkey`, such as `client rotate-secret`; default: the singular noun and the verb of the name. */
  words?: string;
  /** Members that are arguments, in order; default: the parameters. */
  arguments?: Readonly<Record<string, CommandOption>>;
  /** Members whose option is not `--member-name`, or that are read from text in a way of their own. */
  options?: Readonly<Record<string, CommandOption>>;
  /** A member that is the content of a file, in base64: an argument names the file, and `--remove` gives null. */
  file?: string;
  /**
   * An option that is given in place of one member and runs another operation with the other members: `session end` takes the id of
   * a session, or `--all`.
   */
  instead?: { of: string; flag: string; description: string; operation: string };
  /** The option for members that have none of their own, as one JSON object: `--metadata <json>`. */
  others?: { flags: string; description: string; members: readonly string[]; isRequired?: true };
};

/** An error in the error list of an operation: `errorType` creates one. */
export type NamedError = Pick<ErrorType, 'code' | 'status' | 'message'>;

/** The end of an operation: days as `2027-01-31`. */
export type Deprecated = {
  /** From this day on clients should not begin to use it. */
  since: string;
  /** From this day on it may be missing. */
  sunset?: string;
  /** The operation to use instead. */
  use?: string;
};

type Declaration<Params extends z.ZodRawShape, Input extends z.ZodObject, Output extends z.ZodType, By, Services> = {
  /** Plural noun and verb, dotted: `users.disable`, `clients.secrets.rotate`. The common verbs are list, create, read, update, delete. */
  name: `${string}.${string}`;
  /** The permission that the caller needs (src/directory/access/permission.ts). */
  permission: string;
  /** Members that stand in the path of the API and are the arguments of the command, in this order. */
  params?: Params;
  /** Members of the body, or of the query where the verb is list or read; default: none. */
  input?: Input;
  output: Output;
  /** Every refusal except wrong input and a missing permission. */
  errors?: readonly NamedError[];
  /** The type of audit event that the operation records; none where it only reads. */
  event?: { readonly name: string };
  /** It only answers a question, which is too long for a query: a POST without any effect. */
  isQuestion?: true;
  /** One or two sentences in the imperative: what it does and what it ends. */
  description: string;
  /** An input that works, for the documents. */
  example?: z.input<Input>;
  /** That it ends; it works until it is removed. */
  deprecated?: Deprecated;
  /** False for what has no command of its own: the commands that move files call it in many parts. */
  command?: CommandShape | false;
  run: (
    given: { [K in keyof Params]: z.output<Params[K]> } & z.output<Input>,
    by: By,
    services: Services,
  ) => Promise<z.input<Output>>;
  /** Gives what `run` gives as JSON that `output` has checked: from memory, where what is asked most often is kept. */
  write?: (
    given: { [K in keyof Params]: z.output<Params[K]> } & z.output<Input>,
    by: By,
    services: Services,
  ) => Promise<WrittenObject>;
};

/** One declared operation; `By` says who acts, `Services` what it needs to run. */
export type Operation<By = never, Services = never> = {
  readonly name: string;
  readonly permission: string;
  readonly params: z.ZodObject;
  readonly input: z.ZodObject;
  readonly output: z.ZodType;
  readonly errors: readonly NamedError[];
  readonly event: { readonly name: string } | null;
  readonly isQuestion: boolean;
  readonly description: string;
  readonly example: unknown;
  readonly command: CommandShape | null;
  readonly deprecated: Deprecated | null;
  /** Whether it gives a page of a list (list-operation.ts). */
  readonly isList: boolean;
  /** `given` is what `params` and `input` read. */
  readonly run: (given: never, by: By, services: Services) => Promise<unknown>;
  /** Null where nothing is kept. */
  readonly write: ((given: never, by: By, services: Services) => Promise<Written>) | null;
};

/** Declares an operation. The types of `by` and of the services are those that `run` names. */
export function operation<
  Output extends z.ZodType,
  By,
  Services,
  Params extends z.ZodRawShape = typeof noMembers.shape,
  Input extends z.ZodObject = typeof noMembers,
>(declared: Declaration<Params, Input, Output, By, Services>): Operation<By, Services> {
  return {
    name: declared.name,
    permission: declared.permission,
    params: z.strictObject(declared.params ?? {}),
    input: declared.input ?? noMembers,
    output: declared.output,
    errors: declared.errors ?? [],
    event: declared.event ?? null,
    isQuestion: declared.isQuestion ?? false,
    description: declared.description,
    example: declared.example,
    command: declared.command === false ? null : (declared.command ?? {}),
    deprecated: declared.deprecated ?? null,
    isList: false,
    run: declared.run,
    write: declared.write ?? null,
  };
}

/** `Deprecated since 2026-05-01, ends on 2027-05-01: use users.disable.` `use` names the operation that replaces it, for the reader. */
export function deprecationWords({ since, sunset }: Deprecated, use: string | undefined): string {
  const ends = sunset === undefined ? '' : `, ends on ${sunset}`;
  return `Deprecated since ${since}${ends}${use === undefined ? '' : `: use ${use}`}.`;
}
