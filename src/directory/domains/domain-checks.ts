import { type By, system } from '#audit/module.ts';
import { lockOrganization, type OrganizationId } from '#directory/organizations/module.ts';
import { fromNow } from '#kernel/clock.ts';
import type { EntityManager } from '#kernel/database.ts';
import type { JobDefinition } from '#kernel/jobs.ts';
import type { Throttle } from '#kernel/throttle.ts';
import type { FindTxt, TxtAnswer } from '#kernel/txt-records.ts';
import { challengeOf } from './domain-challenge.ts';
import { type DomainDependencies, eventAbout } from './domain-service.ts';
import { type DomainId, type DomainProblem, OrganizationDomain } from './domain.ts';
import { dnsUnreachable, domainNotFound, domainOwned, recordMissing, tooManyChecks } from './errors.ts';
import { organizationDomainLapsed, organizationDomainVerified } from './events.ts';
import { DOMAINS_TOPIC } from './known-domains.ts';
import {
  CHECK_AGAIN_AFTER,
  CHECK_JOB_BACKOFF,
  CHECK_JOB_EXPIRY,
  CHECK_RETRY_AFTER,
  CHECKS,
  CHECKS_BATCH,
  PROOF_COUNTS_FOR,
} from './limits.ts';

export type CheckDependencies = DomainDependencies & {
  throttle: Pick<Throttle, 'consume'>;
  findTxt: FindTxt;
};

type Outcome = 'verified' | 'owned' | DomainProblem;

/** Looks for the records that prove domains: when an administrator asks, and again before a proof is too old. */
export class DomainChecks {
  readonly #deps: CheckDependencies;

  constructor(dependencies: CheckDependencies) {
    this.#deps = dependencies;
  }

  /**
   * Looks for the record now, and makes the organization the owner of the domain. An owner whose record is gone loses it.
   * Throws organizations.not_found, domains.not_found, domains.record_missing, domains.dns_unreachable, domains.owned, domains.too_many_checks.
   */
  async confirm(organizationId: OrganizationId, id: DomainId, by: By): Promise<OrganizationDomain> {
    const { database, throttle, findTxt } = this.#deps;
    const asked = await database.em().findOne(OrganizationDomain, { id, organizationId });
    if (asked === null) {
      await database.transaction((em) => lockOrganization(em, organizationId));
      throw domainNotFound();
    }
    const limit = await throttle.consume(CHECKS, organizationId);
    if (!limit.allowed) throw tooManyChecks(limit.retryAfter);
    const { name } = challengeOf(asked);
    const answer = await findTxt(name);
    const { domain, outcome } = await this.#settle(asked, answer, by);
    switch (outcome) {
      case 'verified':
        return domain;
      case 'owned':
        throw domainOwned();
      case 'missing':
        throw recordMissing(name);
      case 'unreachable':
        throw dnsUnreachable();
    }
  }

  /** Looks up every verified domain that is due. Answers how many were looked up. */
  async checkDue(signal?: AbortSignal): Promise<number> {
    const { clock, database, findTxt } = this.#deps;
    let checked = 0;
    for (let page = CHECKS_BATCH; page === CHECKS_BATCH && !isOver(signal);) {
      const due = await database
        .em()
        .find(OrganizationDomain, { dueAt: { $lte: clock.now() } }, { orderBy: { dueAt: 'asc' }, limit: CHECKS_BATCH });
      await Promise.all(
        due.map(async (domain) => {
          const answer = await findTxt(challengeOf(domain).name);
          // Removed meanwhile, or looked up by another: then nothing is left to do.
          await this.#settle(domain, answer, system).catch(ignoreGone);
        }),
      );
      checked += due.length;
      page = due.length;
    }
    return checked;
  }

  /** The job that looks verified domains up again. */
  job(): JobDefinition {
    return {
      schedule: '23 * * * *',
      retries: 1,
      backoff: CHECK_JOB_BACKOFF,
      expire: CHECK_JOB_EXPIRY,
      handler: async ({ signal }) => void (await this.checkDue(signal)),
    };
  }

  /** Writes what a look-up found. The rows of one domain are locked in one order: of two organizations one is first. */
  async #settle(
    { id, domain: name }: OrganizationDomain,
    answer: TxtAnswer,
    by: By,
  ): Promise<{ domain: OrganizationDomain; outcome: Outcome }> {
    const { clock, database, invalidation } = this.#deps;
    const texts = answer.kind === 'found' ? answer.texts.map((text) => text.trim()) : [];
    const isProved = (row: OrganizationDomain): boolean => texts.includes(challengeOf(row).value);
    const settled = await database.transaction(async (em) => {
      await em.execute('select 1 from organization_domain where domain = ? order by id for update', [name]);
      const rows = await em.find(OrganizationDomain, { domain: name }, { refresh: true });
      const domain = rows.find((row) => row.id === id);
      if (domain === undefined) throw domainNotFound();
      domain.checkedAt = clock.now();
      const outcome = ((): Outcome => {
        if (answer.kind === 'failed') return 'unreachable';
        if (!isProved(domain)) return 'missing';
        return rows.some((row) => row !== domain && row.verifiedAt !== null && isProved(row)) ? 'owned' : 'verified';
      })();
      if (outcome === 'verified') {
        for (const other of rows)
          if (other !== domain && other.verifiedAt !== null) await this.#lapse(em, other, 'taken', by);
        await this.#prove(em, domain, by);
      } else if (outcome !== 'owned') await this.#fail(em, domain, outcome, by);
      await em.flush();
      return { domain, outcome };
    });
    await invalidation.publish(DOMAINS_TOPIC, name);
    return settled;
  }

  async #prove(em: EntityManager, domain: OrganizationDomain, by: By): Promise<void> {
    const { clock, audit } = this.#deps;
    const isNew = domain.verifiedAt === null;
    Object.assign(domain, {
      verifiedAt: domain.verifiedAt ?? clock.now(),
      provedAt: clock.now(),
      dueAt: fromNow(clock, CHECK_AGAIN_AFTER),
      problem: null,
    });
    // Ahead of other rows of the flush: the index allows one owner.
    await em.flush();
    if (isNew) await audit.record(em, organizationDomainVerified(eventAbout(domain, by)));
  }

  /** A verified domain stays verified until its last proof is too old. */
  async #fail(em: EntityManager, domain: OrganizationDomain, problem: DomainProblem, by: By): Promise<void> {
    const { clock } = this.#deps;
    domain.problem = problem;
    if (!domain.verifiedAt || !domain.provedAt) return;
    const end = new Date(domain.provedAt.getTime() + PROOF_COUNTS_FOR);
    if (end <= clock.now()) return this.#lapse(em, domain, problem, by);
    const next = fromNow(clock, CHECK_RETRY_AFTER);
    domain.dueAt = next < end ? next : end;
  }

  async #lapse(em: EntityManager, domain: OrganizationDomain, reason: DomainProblem | 'taken', by: By): Promise<void> {
    Object.assign(domain, { verifiedAt: null, dueAt: null, problem: reason === 'taken' ? 'missing' : reason });
    await em.flush();
    const { details, ...event } = eventAbout(domain, by);
    await this.#deps.audit.record(em, organizationDomainLapsed({ ...event, details: { ...details, reason } }));
  }
}

const isOver = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;

function ignoreGone(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === domainNotFound.code)) throw error;
}
