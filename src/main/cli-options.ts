/** The arguments and options of a command, made from the schemas of its operation. */
import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { z } from 'zod';
import type { CommandOption, CommandShape, Operation } from '#kernel/operations/operation.ts';

/** One member as the command line takes it. */
export type GivenMember = {
  member: string;
  flags: string;
  description: string;
  isRequired: boolean;
  read: CommandOption['read'];
};

type Read = NonNullable<CommandOption['read']>;
type Members = Readonly<Record<string, z.ZodType>>;

/** The input of an operation: arguments in order, then options. A member with the content of a file is neither, and so is one of a JSON object. */
export function membersOf({ params, input }: Operation, shape: CommandShape) {
  const members: Members = { ...params.shape, ...input.shape };
  const positions =
    shape.arguments ?? Object.fromEntries(Object.keys(params.shape).map((name) => [name, { flags: `<${name}>` }]));
  const isElsewhere = (name: string) => name === shape.file || shape.others?.members.includes(name) === true;
  const options = Object.keys(members).filter((name) => !Object.hasOwn(positions, name) && !isElsewhere(name));
  return {
    arguments: Object.entries(positions).map(([name, option]) => given(name, members[name]!, option)),
    options: options.map((name) => given(name, members[name]!, shape.options?.[name], shape.instead?.of === name)),
  };
}

function given(member: string, schema: z.ZodType, option?: CommandOption, isReplaceable = false): GivenMember {
  const kind = kindOf(schema);
  const flags = option?.flags ?? flagsOf(member, kind);
  const takesText = /[<[]/.test(flags);
  const read = option?.isFile
    ? fileReaders[kind === 'json' ? 'json' : 'text']
    : (option?.read ?? (takesText ? readers[kind] : undefined));
  const isRequired = !isReplaceable && !schema.safeParse(undefined).success;
  return {
    member,
    flags,
    description: describe(schema, [
      isRequired && flags.startsWith('--') ? 'required' : '',
      kind === 'flag' && takesText ? 'true or false' : '',
      flags.startsWith('--') && (read?.length ?? 0) > 1 ? 'may be repeated' : '',
    ]),
    isRequired,
    read,
  };
}

type Kind = 'flag' | 'number' | 'text' | 'texts' | 'json';

const readers: Readonly<Record<Kind, Read | undefined>> = {
  flag: readJson,
  number: wholeNumber,
  text: undefined,
  texts: (text, previous) => [...((previous as string[] | undefined) ?? []), text],
  json: readJson,
};

function kindOf(schema: z.ZodType): Kind {
  const { type } = schema.def;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable)
    return kindOf(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodPipe) return kindOf(schema.in as z.ZodType);
  if (schema instanceof z.ZodArray) return kindOf(schema.element as z.ZodType) === 'text' ? 'texts' : 'json';
  if (schema instanceof z.ZodUnion)
    return schema.options.every((option) => kindOf(option as z.ZodType) === 'text') ? 'text' : 'json';
  if (schema instanceof z.ZodLiteral) return typeof schema.value === 'string' ? 'text' : 'json';
  if (type === 'boolean') return 'flag';
  if (type === 'number') return 'number';
  return type === 'string' || type === 'enum' ? 'text' : 'json';
}

/** `--redirect-uri <uri>` of `redirect_uris`: what may be repeated is named in the singular. */
function flagsOf(member: string, kind: Kind): string {
  const name = kind === 'texts' ? member.replace(/s$/, '') : member;
  const flag = `--${name.replaceAll('_', '-')}`;
  if (kind === 'flag') return flag;
  const valueName = { number: 'n', json: 'json', text: name.split('_').at(-1), texts: name.split('_').at(-1) }[kind];
  return `${flag} <${valueName}>`;
}

function describe(schema: z.ZodType, remarks: readonly string[]): string {
  const { description, choices, fallback } = wordsOf(schema);
  const notes = [choices.join(', '), fallback === undefined ? '' : `default ${fallback}`, ...remarks].filter(Boolean);
  return notes.length > 0 ? `${description} (${notes.join('; ')})` : description;
}

type Words = { description: string; choices: readonly string[]; fallback?: string };

function wordsOf(schema: z.ZodType): Words {
  const { description = '' } = schema;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return within(description, wordsOf(schema.unwrap() as z.ZodType));
  if (schema instanceof z.ZodDefault) {
    const value: unknown = schema.def.defaultValue;
    const shown = typeof value === 'string' || typeof value === 'number' ? { fallback: String(value) } : {};
    return { ...within(description, wordsOf(schema.unwrap() as z.ZodType)), ...shown };
  }
  return { description, choices: schema instanceof z.ZodEnum ? schema.options.map(String) : [] };
}

const within = (description: string, inner: Words): Words => ({
  ...inner,
  description: description || inner.description,
});

function readTextFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new InvalidArgumentError('The file cannot be read.');
  }
}

/** The content of a file: text, or JSON where the member is an object or a list of objects. */
const fileReaders = { text: readTextFile, json: (path: string) => readJson(readTextFile(path)) } as const;

/** Reads an option that is JSON. */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('It must be JSON.');
  }
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError('It must be a whole number.');
  return number;
}
