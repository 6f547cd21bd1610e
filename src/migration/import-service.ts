import type { AuditLog, By } from '#audit/module.ts';
import type { BulkPassword, PasswordBulk, PasswordService, TotpService } from '#credentials/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { BulkUser, RoleHolders, UserBulk, UserId, Usernames, UserService } from '#directory/users/module.ts';
import type { IdentityBulk } from '#directory/identities/module.ts';
import type { ContactBulk } from '#directory/contacts/module.ts';
import type { AccessBulk, Grantable } from '#directory/access/module.ts';
import { AppError } from '#kernel/errors.ts';
import { changedMeanwhile } from './errors.ts';
import { keyOfUser, type Line, namesOf, planImport, type Refused, type Step } from './import-plan.ts';
import { readImportRecord } from './import-record.ts';
import { type Named, namesIn } from './names.ts';
import { userImported } from './events.ts';

export type Outcome = 'created' | 'updated' | 'unchanged' | 'exists' | 'refused';
export type LineResult = Named & {
  line: number;
  outcome: Outcome;
  id?: UserId;
  reason?: string;
  /** Members that were cut or left out, each with its reason. */
  warnings?: readonly string[];
};
type ImportBatch = { lines: readonly { line: number; record: unknown }[]; update: boolean; dryRun: boolean };

export type ImportDependencies = {
  clock: Clock;
  database: Database;
  users: Pick<UserService, 'changeStatus'>;
  roleHolders: Pick<RoleHolders, 'outranking'>;
  usernames: Pick<Usernames, 'accept'>;
  userBulk: Pick<UserBulk, 'find' | 'insert' | 'update' | 'demandNewPasswords'>;
  accessBulk: Pick<AccessBulk, 'find' | 'give'>;
  identityBulk: Pick<IdentityBulk, 'find' | 'insert'>;
  contactBulk: Pick<ContactBulk, 'find' | 'insert'>;
  passwordBulk: Pick<PasswordBulk, 'write'>;
  passwords: Pick<PasswordService, 'hash'>;
  totp: Pick<TotpService, 'among' | 'import'>;
  audit: Pick<AuditLog, 'recordAll'>;
};

/** Takes in users from a file, a batch at a time. Each batch is one transaction, so an interruption leaves no half of one. */
export class ImportService {
  readonly #deps: ImportDependencies;

  constructor(dependencies: ImportDependencies) {
    this.#deps = dependencies;
  }

  async run({ lines, update, dryRun }: ImportBatch, by: By): Promise<LineResult[]> {
    const { clock, database, usernames, userBulk, identityBulk, contactBulk, accessBulk } = this.#deps;
    const refused: Refused[] = [];
    const ready: Line[] = [];
    const warnings = new Map<number, readonly string[]>();
    for (const { line, record } of lines) {
      const read = readImportRecord(record, usernames);
      if (read.kind === 'ready') {
        ready.push({ line, user: read.user });
        warnings.set(line, read.warnings);
      } else refused.push({ kind: 'refused', line, ...namesIn(record), reason: read.reason });
    }
    const hashes = dryRun ? new Map<number, string>() : await this.#hashPlain(ready, update);

    const { results, statuses } = await database.transaction(async (em) => {
      const grantable = await accessBulk.find(
        em,
        ready.map(({ user }) => user.grants),
        by,
      );
      const emails = ready.flatMap(({ user }) => [
        ...(user.emailCanonical === null ? [] : [user.emailCanonical]),
        ...user.further.flatMap(({ kind, canonical }) => (kind === 'email' ? [canonical] : [])),
      ]);
      const people = await userBulk.find(em, {
        emails,
        ids: ready.flatMap(({ user }) => user.id ?? []),
        legacyIds: ready.flatMap(({ user }) => user.legacyId ?? []),
        skeletons: ready.flatMap(({ user }) => user.username?.skeleton ?? []),
      });
      const known = {
        people,
        contacts: await contactBulk.find(em, { emails, ids: people.map(({ id }) => id) }),
        identities: await identityBulk.find(
          em,
          ready.flatMap(({ user }) => user.identities),
        ),
      };
      const planned = planImport(ready, known, { update, now: clock.now() });
      const plan = update ? await this.#withoutOutranking(em, planned, by) : planned;
      const steps = plan.filter((step): step is Step => step.kind !== 'refused');
      const touched = dryRun ? new Set<UserId>() : await this.#carryOut(em, steps, { hashes, update, grantable }, by);
      return {
        results: [
          ...refused.map((step) => resultOf(step, touched, [])),
          ...plan.map((step) =>
            resultOf(step, touched, [...(warnings.get(step.line) ?? []), ...refusedGrants(step, grantable)]),
          ),
        ],
        statuses: dryRun ? [] : steps.filter(isUpdate).filter(({ next, before }) => next.status !== before.status),
      };
    });
    const kept = await this.#changeStatuses(statuses, by);
    return results
      .map((result) => ({ ...result, ...kept.get(result.line) }))
      .sort((first, second) => first.line - second.line);
  }

  /** An actor changes no user who has more permissions than the actor. */
  async #withoutOutranking(
    em: EntityManager,
    plan: readonly (Step | Refused)[],
    by: By,
  ): Promise<readonly (Step | Refused)[]> {
    const existing = plan.flatMap((step) => ('before' in step ? [step.next.id] : []));
    const outranking = await this.#deps.roleHolders.outranking(em, existing, by);
    return plan.map((step) =>
      step.kind !== 'refused' && outranking.has(step.next.id)
        ? { kind: 'refused', line: step.line, ...namesOf(step.user), reason: 'the user has more permissions than you' }
        : step,
    );
  }

  /** Disabling a user ends sessions and tokens, in a transaction of its own. Answers the lines whose users stay as they are. */
  async #changeStatuses(steps: readonly Step[], by: By) {
    const kept = new Map<number, Pick<LineResult, 'outcome' | 'reason'>>();
    for (const { line, next } of steps)
      try {
        await this.#deps.users.changeStatus(next.id, next.status, by);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        kept.set(line, { outcome: 'refused', reason: `status: all but this was written. ${error.message}` });
      }
    return kept;
  }

  /** One after the other, so that users who sign in meanwhile have the other threads; of no user whose password stays. */
  async #hashPlain(lines: readonly Line[], update: boolean): Promise<Map<number, string>> {
    const hashes = new Map<number, string>();
    const plain = lines.filter(({ user }) => user.password.kind === 'plain').map(({ user }) => user);
    if (plain.length === 0) return hashes;
    const known = await this.#deps.userBulk.find(this.#deps.database.em(), {
      emails: plain.flatMap(({ emailCanonical }) => emailCanonical ?? []),
      ids: [],
      legacyIds: [],
      skeletons: plain.flatMap(({ emailCanonical, username }) =>
        emailCanonical === null && username !== undefined ? username.skeleton : [],
      ),
    });
    const stay = new Set(update ? [] : known.flatMap(({ emailCanonical, username }) => [emailCanonical, username]));
    for (const { line, user } of lines) {
      if (user.password.kind !== 'plain' || stay.has(keyOfUser(user))) continue;
      hashes.set(line, await this.#deps.passwords.hash(user.password.password));
    }
    return hashes;
  }

  /** Users whose credentials were changed: a password, an authenticator app. */
  async #carryOut(
    em: EntityManager,
    steps: readonly Step[],
    { hashes, update, grantable }: { hashes: ReadonlyMap<number, string>; update: boolean; grantable: Grantable },
    by: By,
  ): Promise<Set<UserId>> {
    const { userBulk, identityBulk, contactBulk, accessBulk, passwordBulk, totp, audit } = this.#deps;
    const created = steps.filter((step) => step.kind === 'create');
    const inserted = await userBulk.insert(
      em,
      created.map(({ next }) => next),
    );
    if (inserted.size !== created.length) throw changedMeanwhile();
    await userBulk.update(
      em,
      steps.filter(isUpdate).map(({ next, before }): BulkUser => ({ ...next, status: before.status })),
    );

    const written = steps.filter((step) => step.kind === 'create' || update);
    const touched = await passwordBulk.write(
      em,
      written.flatMap((step) => passwordOf(step, hashes)),
    );
    await userBulk.demandNewPasswords(
      em,
      written
        .filter(({ user, next }) => user.passwordUpdateRequired === true && touched.has(next.id))
        .map(({ next }) => next.id),
    );
    const enrolled = await totp.among(
      em,
      written.filter((step) => step.kind !== 'create').map(({ next }) => next.id),
    );
    for (const { next, user } of written) {
      if (user.totp === undefined || enrolled.has(next.id)) continue;
      await totp.import(em, next.id, user.totp);
      touched.add(next.id);
    }
    const identities = written.flatMap(({ next, newIdentities }) =>
      newIdentities.map((identity) => ({ ...identity, userId: next.id })),
    );
    await identityBulk.insert(em, identities);
    await contactBulk.insert(
      em,
      written.flatMap(({ next, newContacts }) => newContacts.map((contact) => ({ ...contact, userId: next.id }))),
    );
    const granted = await accessBulk.give(
      em,
      written.map(({ next, user }) => ({ userId: next.id, ...user.grants })),
      grantable,
      by,
    );
    for (const userId of granted) touched.add(userId);
    await audit.recordAll(
      em,
      written
        .filter(({ kind, next }) => kind === 'create' || kind === 'update' || touched.has(next.id))
        .map((step) =>
          userImported({
            ...by,
            subject: { type: 'user', id: step.next.id },
            details: {
              change: step.kind === 'create' ? 'created' : 'updated',
              email_verified: step.next.emailVerified,
              password: step.user.password.kind === 'hash' ? step.user.password.scheme : step.user.password.kind,
              authenticator_app: step.user.totp !== undefined,
              identities: step.newIdentities.length,
            },
          }),
        ),
    );
    return touched;
  }
}

const isUpdate = (step: Step): step is Extract<Step, { before: BulkUser }> => step.kind === 'update';

function passwordOf({ line, user, next }: Step, hashes: ReadonlyMap<number, string>): BulkPassword[] {
  if (user.password.kind === 'hash')
    return [{ userId: next.id, hash: user.password.hash, scheme: user.password.scheme }];
  if (user.password.kind === 'none') return [];
  const hash = hashes.get(line);
  // An existing user who was left unchanged has been deleted since.
  if (hash === undefined) throw changedMeanwhile();
  return [{ userId: next.id, hash, scheme: null }];
}

const outcomes = { create: 'created', update: 'updated', unchanged: 'unchanged', exists: 'exists' } as const;

function resultOf(step: Step | Refused, touched: ReadonlySet<UserId>, warned: readonly string[]): LineResult {
  const warnings = warned.length === 0 ? {} : { warnings: warned };
  if (step.kind === 'refused') {
    const { kind: outcome, ...about } = step;
    return { ...about, outcome, ...warnings };
  }
  const outcome = step.kind === 'unchanged' && touched.has(step.next.id) ? 'updated' : outcomes[step.kind];
  // An unused id does not decide it.
  const id = step.kind === 'create' ? {} : { id: step.next.id };
  return { line: step.line, outcome, ...namesOf(step.user), ...id, ...warnings };
}

/** Roles and groups that the user does not get. */
function refusedGrants(step: Step | Refused, grantable: Grantable): string[] {
  if (step.kind === 'refused') return [];
  const { roles, groups } = step.user.grants;
  return [
    ...roles.flatMap((name) => grantable.problem('role', name) ?? []),
    ...groups.flatMap((name) => grantable.problem('group', name) ?? []),
  ];
}
