import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';

type Run = (name: string, input: Record<string, unknown>, command: Command) => Promise<void>;
/** A file goes through in many commands. */
export type Files = {
  importPeople(path: string, options: Record<string, unknown>, command: Command): Promise<void>;
  exportPeople(options: Record<string, unknown>, command: Command): Promise<void>;
};

const collect = (value: string, previous: string[] = []): string[] => [...previous, value];

function json(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    throw new InvalidArgumentError('It must be JSON.');
  }
}

function count(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError('It must be a whole number.');
  return number;
}

/** Options that may be repeated, and those whose name on the wire is another one. */
const wireNames: Readonly<Record<string, string>> = {
  redirect_uri: 'redirect_uris',
  post_logout_redirect_uri: 'post_logout_redirect_uris',
  grant: 'grant_types',
  auth_method: 'token_endpoint_auth_method',
  api: 'apis',
};

/** `--redirect-uri` on the command line is `redirect_uris` on the wire; members of `--metadata` stand beside the others. */
function onWire({ json: _json, metadata, ...options }: Record<string, unknown>): Record<string, unknown> {
  const members = Object.entries(options).map(([option, value]) => {
    const name = option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return [wireNames[name] ?? name, value];
  });
  return { ...(metadata as Record<string, unknown> | undefined), ...Object.fromEntries(members) };
}

/** `https://api.example.com` for all its scopes, or `https://api.example.com=read,write`. */
function collectApi(value: string, previous: Record<string, string[]> = {}): Record<string, string[]> {
  const at = value.lastIndexOf('=');
  return { ...previous, ...(at < 0 ? { [value]: ['*'] } : { [value.slice(0, at)]: value.slice(at + 1).split(',') }) };
}

/** `read`, or `read: See your invoices`. */
function collectScope(
  value: string,
  previous: { name: string; description: string }[] = [],
): { name: string; description: string }[] {
  const [, name = value, description = ''] = /^(.*?):\s+(.*)$/.exec(value) ?? [];
  return [...previous, { name, description }];
}

function base64Of(path: string, command: Command): string {
  try {
    return readFileSync(path).toString('base64');
  } catch {
    return command.error(`error: the file ${path} cannot be read`);
  }
}

/** Every command but `serve`, with its arguments. What it does is in the slice that its noun names. */
export function defineCommands(program: Command, run: Run, files: Files): void {
  const act = (name: string, argument?: string) =>
    async function act(...given: unknown[]): Promise<void> {
      const command = given.at(-1) as Command;
      return run(
        name,
        { ...onWire(command.opts()), ...(argument === undefined ? {} : { [argument]: given[0] }) },
        command,
      );
    };
  const leaf = (group: Command, name: string, description: string): Command =>
    group.command(name).description(description).option('--json', 'print the answer as JSON');

  leaf(program, 'migrate', 'bring the database up to date and stop').action(act('database.migrate'));

  const client = program.command('client').description('relying parties');
  leaf(client, 'create', 'add a client; its secret is shown once')
    .requiredOption('--name <name>', 'name that people see')
    .requiredOption('--type <type>', 'web, spa, native or machine')
    .option('--redirect-uri <uri>', 'where sign-ins return to (may be repeated)', collect)
    .option('--post-logout-redirect-uri <uri>', 'where sign-outs return to (may be repeated)', collect)
    .option('--backchannel-logout-uri <uri>', 'what is told when a session ends')
    .option('--profile <profile>', 'default, fapi2_security or fapi2_message_signing')
    .option('--first-party', 'belongs to the operator: people are not asked for consent')
    .option('--auth-method <method>', 'how it authenticates, for example private_key_jwt')
    .option('--grant <type>', 'grant type (may be repeated)', collect)
    .option('--scope <scopes>', 'scopes that it may ask for, separated by spaces')
    .option('--api <identifier[=scopes]>', 'API that it may ask tokens for (may be repeated)', collectApi)
    .option('--jwks-uri <uri>', 'where its public keys are')
    .option('--client-id <id>', 'identifier, instead of one that is made')
    .option('--client-secret <secret>', 'secret, instead of one that is made')
    .option('--metadata <json>', 'other members of RFC 7591, as JSON', json)
    .action(act('client.create'));
  leaf(client, 'list', 'list clients').action(act('client.list'));
  leaf(client, 'show <client_id>', 'show one client').action(act('client.show', 'client_id'));
  leaf(client, 'change <client_id>', 'change a client')
    .option('--name <name>', 'name that people see')
    .option('--first-party <yes>', 'true or false', json)
    .option('--disabled <yes>', 'true or false', json)
    .option('--metadata <json>', 'members of RFC 7591 to change, as JSON; null for the default', json)
    .action(act('client.change', 'client_id'));
  leaf(client, 'delete <client_id>', 'delete a client and what was issued to it').action(
    act('client.delete', 'client_id'),
  );
  leaf(client, 'rotate-secret <client_id>', 'make a new secret; the old one works on for a while')
    .option('--overlap-seconds <n>', 'how long the old one works on', count)
    .action(act('client.rotate-secret', 'client_id'));
  leaf(client, 'add-secret <client_id>', 'make a second secret beside the first')
    .option('--expires-in-seconds <n>', 'how long it works', count)
    .action(act('client.add-secret', 'client_id'));
  leaf(client, 'remove-secret <client_id>', 'end one of two secrets')
    .requiredOption('--client-secret-id <id>', 'which one, as client show names it')
    .action(act('client.remove-secret', 'client_id'));

  const api = program.command('api').description('APIs that tokens are made for');
  leaf(api, 'create', 'add an API')
    .requiredOption('--identifier <uri>', 'absolute URI that names it, the audience of its tokens')
    .option('--name <name>', 'name that people see')
    .option('--scope <scope>', 'a scope, as "read" or "read: See your invoices" (may be repeated)', collectScope)
    .option('--token-format <format>', 'jwt (default) or opaque')
    .option('--access-token-seconds <n>', 'how long its tokens live', count)
    .option('--signing-alg <alg>', 'ES256 (default), PS256, EdDSA, Ed25519 or RS256')
    .action((options: Record<string, unknown>, command: Command) => {
      const { scope, ...rest } = onWire(options);
      return run('api.create', { ...rest, ...(scope === undefined ? {} : { scopes: scope }) }, command);
    });
  leaf(api, 'list', 'list APIs').action(act('api.list'));
  leaf(api, 'delete <identifier>', 'delete an API; no more tokens are made for it').action(
    act('api.delete', 'identifier'),
  );

  const user = program.command('user').description('people');
  const create = leaf(user, 'create', 'add a person')
    .requiredOption('--email <address>', 'e-mail address, with which they sign in')
    .option('--password <password>', 'password')
    .option('--email-verified', 'the address is proven')
    .option('--phone-number <number>', 'phone number, such as +12025550123')
    .option('--phone-number-verified', 'the number is proven')
    .option('--address <json>', 'postal address (OpenID Connect Core §5.1.1), as JSON', json)
    .option('--administrator', 'may administer this instance');
  for (const claim of [
    'name',
    'given-name',
    'family-name',
    'middle-name',
    'nickname',
    'preferred-username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
  ]) {
    create.option(`--${claim} <text>`, `claim ${claim.replaceAll('-', '_')}`);
  }
  create.action(act('user.create'));
  leaf(user, 'list', 'list people')
    .option('--limit <n>', 'how many', count)
    .option('--after <id>', 'go on after this one')
    .action(act('user.list'));
  leaf(user, 'show <id>', 'show a person, and every credential with its state').action(act('user.show', 'id'));
  leaf(user, 'require-password <id>', 'have a person set a new password when they sign in next').action(
    act('user.require-password', 'id'),
  );
  leaf(user, 'reset-mfa <id>', 'take away what a person proves a second time with, when they have lost it')
    .requiredOption('--reason <text>', 'why, for the record and for the person')
    .action(act('user.reset-mfa', 'id'));
  leaf(user, 'disable <id>', 'keep a person from signing in and end what they have').action(act('user.disable', 'id'));
  leaf(user, 'enable <id>', 'let a disabled person sign in again').action(act('user.enable', 'id'));

  leaf(user, 'import <file>', 'take people in from a file, with the hashes of their passwords')
    .option('--format <format>', 'jsonl, csv, keycloak, auth0 or firebase (as the name of the file says)')
    .option('--dry-run', 'check every line and change nothing')
    .option('--update', 'change people who are here already, instead of leaving them as they are')
    .option('--hash-format <format>', 'what password_hash is where a line does not say so')
    .option('--hash-parameters <file>', 'JSON file with the parameters that all hashes share')
    .option('--report <file>', 'write what becomes of each line there, as JSON lines')
    .action((path: string, options: Record<string, unknown>, command: Command) =>
      files.importPeople(path, options, command),
    );
  leaf(user, 'export', 'give all people in the form that user import takes')
    .option('--format <format>', 'jsonl (default) or csv')
    .option('--with-hashes', 'with password hashes and the secrets of authenticator apps')
    .option('--output <file>', 'new file to write, which only you may read')
    .action((options: Record<string, unknown>, command: Command) => files.exportPeople(options, command));

  leaf(user, 'properties <id>', 'show what is known of a person beyond the claims, or change it')
    .option('--set <json>', 'properties to change, as JSON; null takes one away', json)
    .action(act('user.properties', 'id'));
  leaf(user, 'invite <email>', 'let somebody create an account, by a link that works for seven days')
    .option('--administrator', 'may administer this instance')
    .option('--language <tag>', 'language of the mail, such as de')
    .action(act('user.invite', 'email'));

  const waitlist = program.command('waitlist').description('who would like to have an account');
  leaf(waitlist, 'list', 'list who waits, the first to come first')
    .option('--limit <n>', 'how many', count)
    .action(act('waitlist.list'));
  leaf(waitlist, 'invite [email...]', 'let people create an account: those named, or the first in the list')
    .option('--first <n>', 'the first so many that were not invited yet', count)
    .action((emails: string[], options: Record<string, unknown>, command: Command) =>
      run('waitlist.invite', { ...onWire(options), emails }, command),
    );
  leaf(waitlist, 'remove <email>', 'take somebody off the list').action(act('waitlist.remove', 'email'));

  const session = program.command('session').description('browsers in which somebody is signed in');
  leaf(session, 'list', 'list those of a person').requiredOption('--user <id>', 'whose').action(act('session.list'));
  leaf(session, 'end', 'sign a person out, in one browser or everywhere')
    .requiredOption('--user <id>', 'whom')
    .option('--id <session>', 'one session')
    .option('--all', 'all of them, with every refresh token, access token and open sign-in')
    .action(act('session.end'));

  const consent = program.command('consent').description('what people allowed applications');
  leaf(consent, 'list', 'list what a person allowed').requiredOption('--user <id>', 'who').action(act('consent.list'));
  leaf(consent, 'revoke', 'take back what a person allowed a client')
    .requiredOption('--user <id>', 'who')
    .requiredOption('--client-id <id>', 'which client')
    .action(act('consent.revoke'));

  const keys = program.command('keys').description('signing keys');
  leaf(keys, 'list', 'list signing keys').action(act('keys.list'));
  leaf(keys, 'rotate', 'begin to use new signing keys')
    .option('--immediately', 'without publishing them first, for emergencies')
    .action(act('keys.rotate'));
  leaf(keys, 'reencrypt', 'seal every stored secret under the first of LATCHKEY_SECRETS').action(act('keys.reencrypt'));

  const registrationToken = program
    .command('registration-token')
    .description('tokens with which software registers itself');
  leaf(registrationToken, 'create', 'make an initial access token; it is shown once')
    .option('--expires-in-seconds <n>', 'how long it may register clients (an hour)', count)
    .action(act('registration-token.create'));

  const settings = program.command('settings').description('policies of the instance');
  leaf(settings, 'list', 'show all policies').action(act('settings.list'));
  leaf(settings, 'set <name> <value>', 'change one, for example: settings set oidc.registration open').action(
    (name: string, value: string, _options: unknown, command: Command) => run('settings.set', { name, value }, command),
  );

  const branding = program.command('branding').description('logos, own rules and the brands of single clients');
  const file = (name: string, description: string): Command =>
    leaf(branding, `${name} [file]`, description).option('--remove', 'take it away');
  const upload = (name: string) => (path: string | undefined, given: Record<string, unknown>, command: Command) => {
    const { remove, ...options } = onWire(given);
    if ((path === undefined) !== (remove === true)) command.error('error: name a file, or say --remove');
    return run(name, { ...options, content: path === undefined ? null : base64Of(path, command) }, command);
  };
  file('logo', 'set the logo: PNG, JPEG, WebP or SVG, at most 256 KB')
    .option('--dark', 'the one for dark pages')
    .option('--client-id <id>', 'of one client')
    .action(upload('branding.logo'));
  file('stylesheet', 'set your own CSS rules, at most 32 KB').action(upload('branding.stylesheet'));
  leaf(branding, 'client <client_id>', 'change the brand of the pages on the way to one client')
    .requiredOption(
      '--change <json>',
      'members to change, such as {"color": "#0a3fb5"}; null for that of the instance',
      json,
    )
    .action(act('branding.client', 'client_id'));

  const auditLog = program.command('audit').description('the record of what happened');
  leaf(auditLog, 'verify', 'recompute the chain of the audit log').action(act('audit.verify'));
}
