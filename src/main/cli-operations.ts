/** The commands of operations: their words, their help, and what is made of the arguments that are given. */
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type { Given, OperationAnswer } from '#kernel/operations/bound-operation.ts';
import { INPUT_INVALID, listProblems } from '#kernel/operations/input.ts';
import { type CommandShape, deprecationWords, type Operation } from '#kernel/operations/operation.ts';
import { type GivenMember, membersOf, readJson } from './cli-options.ts';

type Run = (operation: Operation, given: Given, command: Command) => Promise<void>;

/** The first words of commands, and what each is about. */
const groups: Readonly<Record<string, string>> = {
  client: 'Clients (OAuth and OpenID Connect)',
  'saml-application': 'Applications that sign users in by SAML',
  api: 'APIs, the audiences of access tokens',
  user: 'Users',
  organization: 'Organizations and their members',
  role: 'Roles, which carry permissions',
  group: 'Groups of users',
  assignment: 'Assignments of roles to users, groups and machine clients',
  access: 'Answers about permissions',
  waitlist: 'Waitlist for accounts',
  session: 'Signed-in browsers',
  consent: 'Consents of users for clients',
  keys: 'Signing keys',
  connection: 'Identity providers that users sign in with',
  permission: 'Permissions, which roles carry',
  realm: 'Realms of Keycloak',
  'saml-keys': 'Keys of the service provider and identity provider for SAML',
  'registration-token': 'Initial access tokens for dynamic client registration',
  settings: 'Settings of the instance',
  branding: 'Logos, stylesheet and brands of clients',
  audit: 'Audit log',
  job: 'Work in the background',
  schedule: 'Work that runs at fixed times',
};

/** Verbs that the command line says in another word than the API. */
const spokenVerbs: Readonly<Record<string, string>> = { read: 'show', update: 'change' };

/** Defines the command of every operation that has one. */
export function defineOperations(program: Command, operations: readonly Operation[], run: Run): void {
  const named = new Map(operations.map((operation) => [operation.name, operation]));
  const wordsByName = new Map(operations.map((operation) => [operation.name, wordsOf(operation).join(' ')]));
  for (const operation of operations)
    if (operation.command !== null) {
      const described = { ...operation, description: helpOf(operation, wordsByName) };
      defineOperation(program, described, operation.command, { run, named });
    }
}

/** The group of commands below one word; made when it is not there. */
export function groupOf(program: Command, word: string): Command {
  const known = program.commands.find((command) => command.name() === word);
  return known ?? program.command(word).description(groups[word] ?? '');
}

/** Adds a command that answers, in text or as JSON. */
export function leafOf(above: Command, name: string, description: string): Command {
  return above.command(name).description(description).option('--json', 'Print the answer as JSON');
}

/** `client rotate-secret`: the words of an operation's command. */
export function wordsOf({ name, command }: Pick<Operation, 'name' | 'command'>): string[] {
  if (command?.words !== undefined) return command.words.split(' ');
  const nouns = name.split('.');
  const verb = nouns.pop()!;
  return [...nouns.map((noun) => noun.replace(/s$/, '')), spokenVerbs[verb] ?? verb].map((word) =>
    word.replaceAll('_', '-'),
  );
}

/** Says in front that the command ends, and the command to use instead. */
function helpOf({ description, deprecated }: Operation, wordsByName: ReadonlyMap<string, string>): string {
  if (deprecated === null) return description;
  const words = deprecated.use === undefined ? undefined : wordsByName.get(deprecated.use);
  return `${deprecationWords(deprecated, words && `latchkey ${words}`)} ${description}`;
}

function defineOperation(
  program: Command,
  operation: Operation,
  shape: CommandShape,
  { run, named }: { run: Run; named: ReadonlyMap<string, Operation> },
): void {
  const words = wordsOf(operation);
  const above = words.length > 1 ? groupOf(program, words[0]!) : program;
  const command = leafOf(above, words.at(-1)!, operation.description);
  const members = membersOf(operation, shape);
  for (const { flags, description, read } of members.arguments) {
    if (read) command.argument(flags, description, read);
    else command.argument(flags, description);
  }
  if (shape.file !== undefined) command.argument('[file]', 'File to take').option('--remove', 'Remove it');
  const { instead } = shape;
  for (const member of members.options) command.addOption(optionOf(member));
  if (instead !== undefined) command.option(instead.flag, instead.description);
  if (shape.others !== undefined) command.addOption(optionOf({ ...shape.others, read: readJson }));
  command.action(() => {
    const chosen = instead === undefined ? operation : chosenOf(operation, { instead, command, named });
    return run(chosen, givenOf(chosen, { ...shape, members: membersOf(operation, shape) }, command), command);
  });
}

/** Of a member and the option in its place exactly one is given. */
function chosenOf(
  operation: Operation,
  {
    instead,
    command,
    named,
  }: { instead: NonNullable<CommandShape['instead']>; command: Command; named: ReadonlyMap<string, Operation> },
): Operation {
  const { flags } = membersOf(operation, operation.command ?? {}).options.find(({ member }) => member === instead.of)!;
  const isGiven = (option: string) => command.opts()[new Option(option).attributeName()] !== undefined;
  if (isGiven(flags) === isGiven(instead.flag))
    return command.error(`error: give either ${flags.split(' ')[0]} or ${instead.flag}`);
  return isGiven(flags) ? operation : named.get(instead.operation)!;
}

function optionOf(member: Pick<GivenMember, 'flags' | 'description' | 'read'> & { isRequired?: boolean }): Option {
  const option = new Option(member.flags, member.description).makeOptionMandatory(member.isRequired ?? false);
  return member.read ? option.argParser(member.read) : option;
}

function givenOf(
  operation: Operation,
  { members, ...shape }: CommandShape & { members: ReturnType<typeof membersOf> },
  command: Command,
): Given {
  const options: Readonly<Record<string, unknown>> = command.opts();
  const valueOf = (flags: string): unknown => options[new Option(flags).attributeName()];
  const values = Object.fromEntries(
    [
      ...Object.entries((shape.others && (valueOf(shape.others.flags) as object | undefined)) ?? {}),
      ...members.options.map(({ member, flags }) => [member, valueOf(flags)]),
      ...members.arguments.map(({ member }, at) => [member, command.processedArgs[at]]),
      ...(shape.file === undefined ? [] : [[shape.file, contentOf(command.processedArgs.at(-1), command)]]),
    ].filter(([, value]) => value !== undefined),
  ) as Record<string, unknown>;
  const isParameter = (member: string) => Object.hasOwn(operation.params.shape, member);
  const part = (inPath: boolean) =>
    Object.fromEntries(Object.entries(values).filter(([member]) => isParameter(member) === inPath));
  return { params: part(true), input: part(false) };
}

/** Of a file in base64; null where it is to be removed. */
function contentOf(path: string | undefined, command: Command): string | null {
  if ((path === undefined) !== (command.opts()['remove'] === true))
    return command.error('error: name a file, or use --remove');
  if (path === undefined) return null;
  try {
    return readFileSync(path).toString('base64');
  } catch {
    return command.error(`error: the file ${path} cannot be read`);
  }
}

/** The errors of the input, with names of the command line: `--limit must be at most 200`. */
export function inFlags(operation: Operation, answer: OperationAnswer): OperationAnswer {
  if (answer.ok || answer.code !== INPUT_INVALID || operation.command === null) return answer;
  const { arguments: positions, options } = membersOf(operation, operation.command);
  const spoken = new Map([
    ...options.map(({ member, flags }) => [member, flags.split(' ')[0]!] as const),
    ...positions.map(({ member, flags }) => [member, flags] as const),
  ]);
  const problems = Object.entries((answer.details ?? {}) as Readonly<Record<string, string>>).map(
    ([path, problem]): [string, string] => {
      const [member = '', ...rest] = path.split('.');
      return [[spoken.get(member) ?? member, ...rest].join('.'), problem];
    },
  );
  return { ...answer, message: `Correct this: ${listProblems(Object.fromEntries(problems))}.` };
}
