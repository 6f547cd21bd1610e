import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files below test/ that a file of it imports, directly or through others, and that file. */
function importsOf(file: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, path] of readFileSync(file, 'utf8').matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+\.ts)'/g)) {
    const imported = join(dirname(file), path!);
    if (!relative(tests, imported).startsWith('..')) importsOf(imported, found);
  }
  return found;
}

const tests = join(import.meta.dirname, 'test');
/** Whether a file, or one that it imports, asks for the servers of the tests. */
const asksForServers = (file: string): boolean =>
  [...importsOf(file)].some((each) => /TEST_(?:DATABASE|REDIS)_URL/.test(readFileSync(each, 'utf8')));

/**
 * What a run on PostgreSQL and Redis (TEST_DATABASE_URL) leaves out, because it cannot come out differently there. Every other
 * file runs on both, a new one too.
 */
const sameEverywhere = () => [
  // No database at all: values, templates, letters, imports, documents, listeners, the installer.
  ...globSync('**/*.test.ts', { cwd: tests })
    .filter((file) => !asksForServers(join(tests, file)))
    .map((file) => `test/${file}`),
  // Documents are the same text, whichever database the program writes them on.
  'test/docs/**',
  // Processes that fail before they have a database, or talk to the socket of an application.
  'test/kernel/log/mend.test.ts',
  'test/main/{audit-commands,command-line}.test.ts',
  // Headers of answers, text that is slow to parse, and addresses that are refused before a request: no storage sees them.
  'test/attacks/http/browser-headers.test.ts',
  'test/attacks/injection/slow-text.test.ts',
  'test/attacks/outbound/client-addresses.test.ts',
  // Texts of requests and answers, the pages that answer, signatures, and rules about users that the code decides. Every statement
  // on the way to them is also sent by a flow of the same slice that runs on both.
  'test/{issuer-path.flow,refused-forms}.test.ts',
  'test/attacks/http/{browser-forms,requests}.test.ts',
  'test/attacks/injection/relayed-mail.test.ts',
  'test/attacks/mfa/unusable-factors.test.ts',
  'test/attacks/organizations/ranks.test.ts',
  'test/attacks/passkeys/passkeys.test.ts',
  'test/attacks/passwords/choosing.test.ts',
  'test/attacks/saml/forged-{answers,logouts,requests}.test.ts',
  'test/attacks/sessions/undo-links.test.ts',
  'test/attacks/tokens/malformed.test.ts',
  'test/connections/openid.test.ts',
  'test/oidc/{claims,fapi1,garbage,prompt,redirect-uri}.flow.test.ts',
  'test/oidc/keys/slow-cache.flow.test.ts',
  'test/sign-in/federation/saml-encryption.flow.test.ts',
  'test/sign-in/interaction/page-states.flow.test.ts',
  // On the embedded database wherever they run.
  'test/trial/demo/**',
  'test/kernel/embedded-statements.test.ts',
  'test/attacks/http/{fuzz,spellings}.test.ts',
  'test/attacks/enumeration/recovery.test.ts',
  'test/sign-in/passwordless/sms.flow.test.ts',
  // What a command writes where, and which scope opens which operation: role-matrix.flow asks the roles in the database.
  'test/main/standard-output.test.ts',
  'test/api/permissions.flow.test.ts',
  // The folder of the embedded database, which there is none of there.
  'test/kernel/data-folder/**',
  'test/main/embedded-rounds.test.ts',
  'test/attacks/data/folder-modes.test.ts',
  // What they send was recorded, file by file: each statement and each command that the product sends here is also sent by a file
  // that runs on both. Files whose requests compete, nodes that share a database, what is carried over and what is kept over time
  // run on both anyway (docs/decisions/088-what-servers-are-tested-with.md).
  'test/account/devices/devices.flow.test.ts',
  'test/account/organizations/{answer-requests,join-request}.flow.test.ts',
  'test/api/{direct-calls,document,fuzz,operations,requests,tokens,typed-client}.flow.test.ts',
  'test/applications/clients/{lists,own-members}.flow.test.ts',
  'test/applications/clients/{client-rights,operations}.test.ts',
  'test/attacks/data/people-secrets.test.ts',
  'test/attacks/enumeration/{differ,registration}.test.ts',
  'test/attacks/http/{head,own-pages,slow-clients}.test.ts',
  'test/attacks/injection/{hidden-text,log-lines}.test.ts',
  'test/attacks/mfa/{half-signed-in,honest-levels,one-mailbox,whose-session}.test.ts',
  'test/attacks/oauth/{borrowed-profile,device-pages,loosened-clients,replayed-forms,taken-authority}.test.ts',
  'test/attacks/oauth/{tightened-clients,vanished-client}.test.ts',
  'test/attacks/one-time/{locked-out,mailed-links,skipping}.test.ts',
  'test/attacks/organizations/{endings,foreign-ids}.test.ts',
  'test/attacks/passwords/{demanded,overtaken}.test.ts',
  'test/attacks/sessions/{account,endings,issued-tokens,last-step,own-routes,ways-back}.test.ts',
  'test/attacks/sign-in/remembered-accounts.test.ts',
  'test/branding/client-logos.flow.test.ts',
  'test/branding/first-page.test.ts',
  'test/directory/access/organization-callers.flow.test.ts',
  'test/directory/organization-clients/organization-clients.flow.test.ts',
  'test/oidc/{authorization-request,authorization-response,backchannel-logout,client-assertions}.flow.test.ts',
  'test/oidc/{cors,id-token-claims,id-token,introspection,mapped-claims,mutual-tls,pkce}.flow.test.ts',
  'test/oidc/{pushed-requests,refusals,registration,request-objects,resource-indicators}.flow.test.ts',
  'test/oidc/{response-modes,session-rename,subjects,token-types,userinfo}.flow.test.ts',
  'test/oidc/redirect-uri.property.test.ts',
  'test/oidc/keys/{engine,operations}.test.ts',
  'test/oidc/organizations/{organization-policy,organization-tokens,refresh-policy}.flow.test.ts',
  'test/oidc/sessions/reauthentication-gate.flow.test.ts',
  'test/sign-in/consent/{consent,organization-consent}.flow.test.ts',
  'test/sign-in/interaction/{enrolments-sent-twice,requests}.flow.test.ts',
  'test/sign-in/login/{no-email,remembered}.flow.test.ts',
  'test/sign-in/mfa/second-factor.flow.test.ts',
  'test/sign-in/risk/risk.flow.test.ts',
  'test/trial/mailbox/mailbox.flow.test.ts',
  'test/trial/welcome/first-page.flow.test.ts',
  // Long flows whose requests follow one another. Each statement of the run on the embedded database is planned by the server in any
  // case (test/support/plan-statements.ts), and shorter flows of the same slices read and write the same values on both.
  'test/account/contacts/emails.flow.test.ts',
  'test/account/me/me.flow.test.ts',
  'test/account/security/security.flow.test.ts',
  'test/api/role-matrix.flow.test.ts',
  'test/directory/invitations/invitations.flow.test.ts',
  'test/directory/users/user-parts.flow.test.ts',
  'test/migration/{old-system,sign-in}.flow.test.ts',
  'test/oidc/client-authentication.flow.test.ts',
  'test/operations.flow.test.ts',
  'test/saml/applications/{logout,sign-in}.flow.test.ts',
  'test/sign-in/device/{device,device-pages}.flow.test.ts',
  'test/sign-in/federation/{home-realm,organization-connection,saml-logout}.flow.test.ts',
  'test/sign-in/federation/{second-factors,social,upstream-logout}.flow.test.ts',
  'test/sign-in/logout/logout.flow.test.ts',
  'test/sign-in/passkey/passkey.flow.test.ts',
  'test/sign-in/restriction/restriction.flow.test.ts',
  // Browsers send what the flows of the same slices send over HTTP, which run on both; pages are the same on both.
  'test/e2e/**',
];

/** What counts what the servers are asked, and so runs on PostgreSQL and Redis alone. */
const onServersAlone = ['test/sign-in/interaction/sign-in-cost.test.ts'];

/**
 * Browsers and processes first: their files are short and take long, and Vitest, which knows no durations in a fresh clone, sorts
 * by size. A long file at the end would leave a processor without work.
 */
class BrowsersFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { true: first = [], false: others = [] } = Object.groupBy(await super.sort(files), ({ moduleId }) =>
      String(/[/]test[/](?:e2e|main)[/]/.test(moduleId)),
    );
    return [...first, ...others];
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/e2e/**/*.spec.ts'],
    exclude: [...configDefaults.exclude, ...(process.env['TEST_DATABASE_URL'] ? sameEverywhere() : onServersAlone)],
    // Nothing waits so long: a test that hangs ends then. The first file of a worker loads the product, opens an embedded database or
    // a browser, and shares a small machine with the other workers.
    testTimeout: 180_000,
    hookTimeout: 240_000,
    teardownTimeout: 20_000,
    // Three processes share the files: on two cores the third uses the time in which the others wait. Each loads the product once
    // and starts one browser and, as a rule, one embedded database; a file gets an application of its own on that database, and
    // `close` empties both for the next file. So a file that changes something of the whole process must put it back;
    // test/support/setup.ts does so for the usual things.
    pool: 'forks',
    maxWorkers: 3,
    isolate: false,
    setupFiles: ['test/support/setup.ts'],
    sequence: { sequencer: BrowsersFirst },
    // A condition is waited for as long as a slow machine needs; a fast one goes on at once.
    expect: { poll: { timeout: 10_000, interval: 20 } },
    reporters: ['default'],
    env: { TZ: 'UTC' },
  },
});
