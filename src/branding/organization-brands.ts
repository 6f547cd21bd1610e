import { defineEntity, p } from '@mikro-orm/core';
import type { AuditLog, By } from '#audit/module.ts';
import { drawContained } from '#directory/users/module.ts';
import { Organization, type OrganizationId } from '#directory/organizations/module.ts';
import type { Brand } from '#kernel/brand.ts';
import { type ClientBrandChoice, clientBrandChoice } from '#kernel/brand/choice.ts';
import type { Cache } from '#kernel/cache.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { StaticFiles } from '#kernel/http/static.ts';
import { parseId, toUuid } from '#kernel/ids.ts';
import { instance, type Policies } from '#settings/module.ts';
import type { BrandService } from './brand-service.ts';
import { choiceInvalid, logoRefused } from './errors.ts';
import { organizationBrandChanged } from './events.ts';
import { CLIENT_LOGO_BOX, CLIENT_LOGO_DRAWING, LARGEST_LOGO } from './limits.ts';
import { type BrandUploads, publishOwnBrand } from './publish-brand.ts';

const OrganizationBrandSchema = defineEntity({
  name: 'OrganizationBrand',
  tableName: 'organization_brand',
  properties: {
    organizationId: () =>
      p
        .manyToOne(Organization)
        .mapToPk()
        .primary()
        .fieldName('organization_id')
        .deleteRule('cascade')
        .updateRule('no action'),
    choice: p.json<ClientBrandChoice>().default('{}'),
    logo: p.blob().columnType('bytea').$type<Buffer>().nullable(),
    darkLogo: p.blob().columnType('bytea').$type<Buffer>().nullable(),
    changedAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** Choices and logos of an organization for the sign-ins for it (table `organization_brand`). */
export class OrganizationBrand extends OrganizationBrandSchema.class {}
OrganizationBrandSchema.setClass(OrganizationBrand);

type Stored = Omit<BrandUploads, 'stylesheet'> & { choice: ClientBrandChoice };
type Row = { choice: unknown; logo: Uint8Array | null; dark_logo: Uint8Array | null };

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'transaction'>;
  policies: Policies<'branding'>;
  audit: Pick<AuditLog, 'record'>;
  files: Pick<StaticFiles, 'publish' | 'url'>;
  cache: Cache<Stored | null>;
  brands: Pick<BrandService, 'present' | 'uploads'>;
  organizations: {
    /** Locks the row of the organization. Throws organizations.not_found. */
    lock(em: EntityManager, id: OrganizationId): Promise<unknown>;
  };
};

/** Below it are the files of the brands of organizations. */
const FOLDER = 'organization-brand/';
const IN_FOLDER = /^\/assets\/organization-brand\/(org_[0-9a-z]{26})\//;

/** The brands of organizations, on the pages of sign-ins for them. */
export class OrganizationBrands {
  readonly #deps: Dependencies;
  /** As long as neither the organization's nor the instance's brand changes. */
  readonly #known = new WeakMap<Stored, { under: Brand; brand: Brand }>();

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Null where the organization has chosen nothing. */
  async find(id: OrganizationId): Promise<Brand | null> {
    const { cache, brands, files, policies } = this.#deps;
    const stored = await cache.get(toUuid(id), () => this.#read(id));
    if (stored === null) return null;
    const under = brands.present();
    const known = this.#known.get(stored);
    if (known?.under === under) return known.brand;
    const brand = publishOwnBrand(files, `${FOLDER}${id}/`, stored, policies.for(instance).branding, brands.uploads());
    this.#known.set(stored, { under, brand });
    return brand;
  }

  /** The choices as they are stored. */
  async choiceOf(id: OrganizationId): Promise<ClientBrandChoice> {
    return (await this.#read(id))?.choice ?? {};
  }

  /** The logos as they are stored. */
  async logosOf(id: OrganizationId): Promise<Pick<Stored, 'logo' | 'darkLogo'>> {
    return (await this.#read(id)) ?? { logo: null, darkLogo: null };
  }

  /** Has the files of a brand there when a browser asks this node, which may not have shown its pages yet. */
  async prepare(path: string): Promise<void> {
    const id = parseId('org', IN_FOLDER.exec(path)?.[1] ?? '');
    if (id !== null) await this.find(id);
  }

  /** Null removes a choice. @throws AppError organizations.not_found, branding.choice_invalid */
  async change(id: OrganizationId, change: Readonly<Record<string, unknown>>, by: By): Promise<ClientBrandChoice> {
    return this.#save(id, 'choice', by, async (em) => {
      const [row] = await em.execute<Row[]>('select choice from organization_brand where organization_id = ?', [
        toUuid(id),
      ]);
      const before = clientBrandChoice.safeParse(row?.choice).data ?? {};
      const merged = Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, value]) => value !== null));
      const parsed = clientBrandChoice.safeParse(merged);
      if (!parsed.success)
        throw choiceInvalid(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
      await em.execute(`update organization_brand set choice = ?::jsonb where organization_id = ?`, [
        JSON.stringify(parsed.data),
        toUuid(id),
      ]);
      return parsed.data;
    });
  }

  /**
   * A picture, which is drawn again, so that nothing else of the file is served; null removes it.
   * @throws AppError organizations.not_found, branding.logo_refused
   */
  async changeLogo(id: OrganizationId, which: 'logo' | 'dark_logo', file: Buffer | null, by: By): Promise<void> {
    const image = file && (await drawn(file));
    const column = which === 'logo' ? 'logo' : 'dark_logo';
    await this.#save(id, which, by, (em) =>
      em.execute(`update organization_brand set ${column} = ? where organization_id = ?`, [image, toUuid(id)]),
    );
  }

  async #save<T>(id: OrganizationId, changed: string, by: By, write: (em: EntityManager) => Promise<T>): Promise<T> {
    const { clock, database, audit, cache, organizations } = this.#deps;
    const outcome = await database.transaction(async (em) => {
      await organizations.lock(em, id);
      await em.execute(
        `insert into organization_brand (organization_id, choice, changed_at) values (?, '{}', ?)
         on conflict (organization_id) do update set changed_at = excluded.changed_at`,
        [toUuid(id), clock.now()],
      );
      const written = await write(em);
      const subject = { type: 'organization', id };
      await audit.record(em, organizationBrandChanged({ ...by, subject, organizationId: id, details: { changed } }));
      return written;
    });
    await cache.drop(toUuid(id));
    return outcome;
  }

  async #read(id: OrganizationId): Promise<Stored | null> {
    const [row] = await this.#deps.database.sql<Row>(
      'select choice, logo, dark_logo from organization_brand where organization_id = $1',
      [toUuid(id)],
    );
    if (!row) return null;
    return {
      // A choice that another version wrote and this one cannot read counts as not made.
      choice: clientBrandChoice.safeParse(row.choice).data ?? {},
      logo: row.logo && Buffer.from(row.logo),
      darkLogo: row.dark_logo && Buffer.from(row.dark_logo),
    };
  }
}

async function drawn(file: Buffer): Promise<Buffer> {
  if (file.length > LARGEST_LOGO) throw logoRefused(`The logo may have at most ${LARGEST_LOGO / 1024} KB.`);
  const image = await drawContained(file, CLIENT_LOGO_BOX, CLIENT_LOGO_DRAWING);
  if (image === null) throw logoRefused('The logo must be a PNG, JPEG or WebP picture of an acceptable size.');
  return image;
}
