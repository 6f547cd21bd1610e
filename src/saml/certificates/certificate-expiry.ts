import { type AuditLog, system } from '#audit/module.ts';
import type { SamlConnections } from '#connections/saml/saml-connections.ts';
import type { OrganizationId } from '#directory/organizations/module.ts';
import type { UserId, UserService } from '#directory/users/module.ts';
import { type Clock, fromNow, MINUTE } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { chooseLanguage } from '#kernel/i18n.ts';
import type { JobDefinition } from '#kernel/jobs.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import { type ApplicationService, dueWarning } from '#saml/applications/module.ts';
import type { SamlKeyService } from '#saml/keys/module.ts';
import { type CertificateKind, certificateLetter } from './certificate-letter.ts';
import { connectionCertificateWarned } from './events.ts';
import { ENDED_SHOWN_FOR, MOST_READERS, WARNING_KEPT_FOR } from './limits.ts';

type Permission = 'keys.manage' | 'clients.manage' | 'connections.manage';

/** Finds the users who manage something; the slice access answers. */
type Managers = {
  usersWith(permission: Permission, most: number): Promise<UserId[]>;
  membersWith(id: OrganizationId, permission: 'organization.connections.manage', most: number): Promise<UserId[]>;
};

export type CertificateExpiryDependencies = {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  keys: Pick<SamlKeyService, 'certificateEnds'>;
  applications: Pick<ApplicationService, 'certificateEnds'>;
  connections: Pick<SamlConnections, 'certificateEnds'>;
  managers: Managers;
  users: Pick<UserService, 'findById'>;
  letters: Pick<Letters, 'send'>;
  issuerUrl: URL;
};

/** A certificate that ends soon, or ended. */
type Ending = {
  kind: CertificateKind;
  /** With the kind: of the row that remembers the letters. */
  id: string;
  name: string;
  endsAt: Date;
  days: number;
  /** Of a connection: its slug, and its organization. */
  connection: { slug: string; organizationId: OrganizationId | null } | null;
};
type Reader = { address: string; language: ReturnType<typeof chooseLanguage>; certificates: readonly Ending[] };

const permissionFor = {
  signing_key: 'keys.manage',
  encryption_key: 'keys.manage',
  application: 'clients.manage',
  provider: 'connections.manage',
} as const satisfies Record<CertificateKind, Permission>;

/**
 * Letters 30, 7 and 1 days before a certificate for SAML ends, and when it has. A user gets one letter a day at most: the job runs once
 * a day, and a letter has all certificates that the user manages.
 */
export class CertificateExpiry {
  readonly #deps: CertificateExpiryDependencies;

  constructor(dependencies: CertificateExpiryDependencies) {
    this.#deps = dependencies;
  }

  job(): JobDefinition {
    return {
      schedule: '53 5 * * *',
      retries: 3,
      backoff: { first: MINUTE, max: 10 * MINUTE },
      expire: 5 * MINUTE,
      handler: async () => void (await this.tell()),
    };
  }

  /** Answers how many letters were written. */
  async tell(): Promise<number> {
    const { clock, database } = this.#deps;
    const ending = await this.#ending();
    const readers = await this.#readersOf(ending);
    return database.transaction(async (em) => {
      const fresh = new Set<Ending>();
      for (const each of ending) if (await isFresh(em, each)) fresh.add(each);
      await em.execute('delete from saml_certificate_warning where ends_at < ?', [fromNow(clock, -WARNING_KEPT_FOR)]);
      for (const each of fresh) await this.#record(em, each);
      const told = readers.filter(({ certificates }) => certificates.some((each) => fresh.has(each)));
      for (const reader of told) await this.#send(em, reader);
      return told.length;
    });
  }

  async #ending(): Promise<readonly Ending[]> {
    const { clock, keys, applications, connections, issuerUrl } = this.#deps;
    const now = clock.now();
    const [ofKeys, ofApplications, ofConnections] = await Promise.all([
      keys.certificateEnds(),
      applications.certificateEnds(),
      connections.certificateEnds(),
    ]);
    const all: Omit<Ending, 'days'>[] = [
      ...ofKeys.map(({ id, use, endsAt }) => ({
        kind: `${use}_key` as const,
        id,
        name: issuerUrl.host,
        endsAt,
        connection: null,
      })),
      ...ofApplications.map(({ clientId: id, name, endsAt }) => ({
        kind: 'application' as const,
        id,
        name,
        endsAt,
        connection: null,
      })),
      ...ofConnections.map(({ id, slug, name, organizationId, endsAt }) => ({
        kind: 'provider' as const,
        id,
        name,
        endsAt,
        connection: { slug, organizationId },
      })),
    ];
    const shownFrom = fromNow(clock, -ENDED_SHOWN_FOR);
    return all
      .filter(({ endsAt }) => endsAt > shownFrom)
      .flatMap((each) => {
        const days = dueWarning(each.endsAt, now);
        return days === null ? [] : [{ ...each, days }];
      })
      .toSorted((a, b) => a.endsAt.getTime() - b.endsAt.getTime());
  }

  async #readersOf(ending: readonly Ending[]): Promise<readonly Reader[]> {
    const ofUsers = new Map<UserId, Ending[]>();
    for (const each of ending)
      for (const id of await this.#managersOf(each)) ofUsers.set(id, [...(ofUsers.get(id) ?? []), each]);
    const readers: Reader[] = [];
    for (const [id, certificates] of ofUsers) {
      const user = await this.#deps.users.findById(id);
      if (user?.status !== 'active' || !user.email) continue;
      readers.push({
        address: user.email,
        language: chooseLanguage({ uiLocales: user.profile.locale }),
        certificates,
      });
    }
    return readers;
  }

  /** Operators, and administrators of the organization of a connection, each once. */
  async #managersOf({ kind, connection }: Ending): Promise<ReadonlySet<UserId>> {
    const { managers } = this.#deps;
    const organization = connection?.organizationId ?? null;
    return new Set([
      ...(await managers.usersWith(permissionFor[kind], MOST_READERS)),
      ...(organization === null
        ? []
        : await managers.membersWith(organization, 'organization.connections.manage', MOST_READERS)),
    ]);
  }

  /** Keys and applications have events of their own. */
  async #record(em: EntityManager, { id, connection, days, endsAt }: Ending): Promise<void> {
    if (connection === null) return;
    const { slug, organizationId } = connection;
    await this.#deps.audit.record(
      em,
      connectionCertificateWarned({
        ...system,
        subject: { type: 'connection', id },
        ...(organizationId === null ? {} : { organizationId }),
        details: { connection: slug, connection_id: id, days_left: days, not_after: endsAt.toISOString() },
      }),
    );
  }

  async #send(em: EntityManager, { address, language, certificates }: Reader): Promise<void> {
    await this.#deps.letters.send(
      certificateLetter,
      {
        kind: 'certificates_end',
        to: { address },
        language,
        context: {
          certificates: certificates.map(({ kind, name, endsAt }) => ({ kind, name, endsAt })),
          kinds: [...new Set(certificates.map(({ kind }) => kind))],
        },
      },
      em,
    );
  }
}

/** Whether no letter was about this number of days before; from now on one was. */
async function isFresh(em: EntityManager, { kind, id, days, endsAt }: Ending): Promise<boolean> {
  const rows = await em.execute<unknown[]>(
    `insert into saml_certificate_warning as w (holder, days, ends_at) values (?, ?, ?)
     on conflict (holder) do update set days = excluded.days, ends_at = excluded.ends_at
     where w.ends_at <> excluded.ends_at or w.days > excluded.days returning 1`,
    [`${kind}:${id}`, days, endsAt],
  );
  return rows.length > 0;
}
