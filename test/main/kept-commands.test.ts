/**
 * Commands and options that scripts use, as they were written by hand before they were made from operations. A star marks an
 * option that must be given. A command may get more options; it may lose none of these.
 */
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../src/main/cli-program.ts';

const kept: [command: string, args: string, options: readonly string[]][] = [
  ['migrate', '', []],
  [
    'client create',
    '',
    [
      '--name <name> *',
      '--type <type>',
      '--redirect-uri <uri>',
      '--post-logout-redirect-uri <uri>',
      '--backchannel-logout-uri <uri>',
      '--profile <profile>',
      '--first-party',
      '--auth-method <method>',
      '--grant <type>',
      '--scope <scopes>',
      '--api <identifier[=scopes]>',
      '--jwks-uri <uri>',
      '--client-id <id>',
      '--client-secret <secret>',
      '--metadata <json>',
    ],
  ],
  ['client list', '', []],
  ['client show', '<client_id>', []],
  ['client change', '<client_id>', ['--name <name>', '--first-party <yes>', '--disabled <yes>', '--metadata <json>']],
  ['client delete', '<client_id>', []],
  ['client rotate-secret', '<client_id>', ['--overlap-seconds <n>']],
  ['client add-secret', '<client_id>', ['--expires-in-seconds <n>']],
  ['client remove-secret', '<client_id>', ['--client-secret-id <id> *']],
  [
    'api create',
    '',
    [
      '--identifier <uri> *',
      '--name <name>',
      '--scope <scope>',
      '--token-format <format>',
      '--access-token-seconds <n>',
      '--signing-alg <alg>',
    ],
  ],
  ['api list', '', []],
  ['api delete', '<identifier>', []],
  [
    'user create',
    '',
    [
      '--email <address>',
      '--password <password>',
      '--email-verified',
      '--phone-number <number>',
      '--phone-number-verified',
      '--address <json>',
      '--administrator',
      '--name <text>',
      '--given-name <text>',
      '--family-name <text>',
      '--middle-name <text>',
      '--nickname <text>',
      '--preferred-username <text>',
      '--profile <text>',
      '--picture <text>',
      '--website <text>',
      '--gender <text>',
      '--birthdate <text>',
      '--zoneinfo <text>',
      '--locale <text>',
    ],
  ],
  ['user list', '', ['--limit <n>', '--after <id>']],
  ['user show', '<id>', []],
  ['user require-password', '<id>', []],
  ['user reset-mfa', '<id>', ['--reason <text> *']],
  ['user disable', '<id>', []],
  ['user enable', '<id>', []],
  [
    'user import',
    '<file>',
    [
      '--format <format>',
      '--dry-run',
      '--update',
      '--hash-format <format>',
      '--hash-parameters <file>',
      '--report <file>',
    ],
  ],
  ['user export', '', ['--format <format>', '--with-hashes', '--output <file>']],
  ['user properties', '<id>', ['--set <json>']],
  ['user invite', '<email>', ['--administrator', '--language <tag>']],
  ['waitlist list', '', ['--limit <n>']],
  ['waitlist invite', '[email...]', ['--first <n>']],
  ['waitlist remove', '<email>', []],
  ['session list', '', ['--user <id> *']],
  ['session end', '', ['--user <id> *', '--id <session>', '--all']],
  ['consent list', '', ['--user <id> *']],
  ['consent revoke', '', ['--user <id> *', '--client-id <id> *']],
  ['keys list', '', []],
  ['keys rotate', '', ['--immediately']],
  ['keys reencrypt', '', []],
  ['registration-token create', '', ['--expires-in-seconds <n>']],
  ['settings list', '', []],
  ['settings set', '<name> <value>', []],
  ['branding logo', '[file]', ['--remove', '--dark', '--client-id <id>']],
  ['branding stylesheet', '[file]', ['--remove']],
  ['branding client', '<client_id>', ['--change <json> *']],
  ['audit verify', '', []],
];

const { program } = createProgram();
const find = (words: string): Command | undefined =>
  words
    .split(' ')
    .reduce<Command | undefined>((above, word) => above?.commands.find((one) => one.name() === word), program);

/** `<>` for what must be given, `[]` for what may be, with dots for several: a name in them is for the reader alone. */
const shapeOf = (args: string): string => args.replace(/[a-z_]+/g, '');

describe.each(kept)('latchkey %s', (words, args, options) => {
  test('takes the arguments and options of before', () => {
    const command = find(words)!;
    const shape = command.registeredArguments.map(({ required, variadic }) => {
      const dots = variadic ? '...' : '';
      return required ? `<${dots}>` : `[${dots}]`;
    });
    expect(shape.join(' ')).toBe(shapeOf(args));
    for (const option of options) {
      const [flag = '', value = ''] = option.replace(' *', '').split(' ');
      const found = command.options.find(({ long }) => long === flag);
      expect([found?.long, found?.required, found?.mandatory]).toEqual([flag, value !== '', option.endsWith(' *')]);
    }
  });

  test('takes --json', () => {
    expect(find(words)?.options.map(({ long }) => long)).toContain('--json');
  });
});
