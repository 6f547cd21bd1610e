import type { AuditLog, By } from '#audit/module.ts';
import type { Brand } from '#kernel/brand.ts';
import { type ClientBrandChoice, clientBrandChoice } from '#kernel/brand/choice.ts';
import type { Cache } from '#kernel/cache.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { StaticFiles } from '#kernel/http/static.ts';
import { instance, type Policies, type SettingsService } from '#settings/module.ts';
import { readStylesheet } from './custom-css.ts';
import { choiceInvalid, clientUnknown } from './errors.ts';
import { readLogo } from './logo.ts';
import { type BrandUploads, publishBrand, publishOwnBrand } from './publish-brand.ts';
import { PURGE_PAGE } from './limits.ts';
import { brandChanged } from './events.ts';
import { defineEntity, p } from '@mikro-orm/core';

/** Brand data outside the settings: files, and the choices for the pages of one client. */
const BrandRowSchema = defineEntity({
  name: 'BrandRow',
  tableName: 'brand',
  properties: {
    /** A client ID, or nothing for the instance. */
    owner: p.text().primary(),
    choice: p.json<ClientBrandChoice>(),
    logo: p.blob().columnType('bytea').$type<Buffer>().nullable(),
    darkLogo: p.blob().columnType('bytea').$type<Buffer>().nullable(),
    stylesheet: p.text().nullable(),
    changedAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** Files and choices of one brand: the instance's or a client's (table `brand`). */
export class BrandRow extends BrandRowSchema.class {}
BrandRowSchema.setClass(BrandRow);

type Stored = BrandUploads & { choice: ClientBrandChoice };
type Row = {
  choice: ClientBrandChoice | string;
  logo: Uint8Array | null;
  dark_logo: Uint8Array | null;
  stylesheet: string | null;
};

/** Files of a brand; null removes a file. */
type BrandChange = { logo: Buffer | null } | { darkLogo: Buffer | null } | { stylesheet: string | null };

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'transaction'>;
  policies: Policies<'branding'>;
  settings: Pick<SettingsService, 'onChange'>;
  audit: Pick<AuditLog, 'record'>;
  files: Pick<StaticFiles, 'publish' | 'url'>;
  cache: Cache<Stored | null>;
  clients: {
    find(clientId: string): Promise<object | null>;
    /** The given ids without a client. */
    missing(clientIds: readonly string[]): Promise<readonly string[]>;
  };
  /** Tells every node, this one too, that the brand of the instance is to be read again. */
  announce(): Promise<void>;
};

/** The owner of the brand that holds where no client has one of its own. */
const INSTANCE = '';
const COLUMNS = { logo: 'logo', darkLogo: 'dark_logo', stylesheet: 'stylesheet' } as const;

/** The brand in force is held in memory: pages read it at no cost. Brands of clients are read when their pages are shown. */
export class BrandService {
  readonly #deps: Dependencies;
  #instance: Stored | null = null;
  #present: Brand;
  /** Of clients, as long as neither theirs nor the one of the instance changes. */
  readonly #ofClients = new WeakMap<Stored, { under: Brand; brand: Brand }>();

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
    this.#present = this.#publishInstance();
    dependencies.settings.onChange(() => (this.#present = this.#publishInstance()));
  }

  present(): Brand {
    return this.#present;
  }

  async reload(): Promise<void> {
    this.#instance = await this.#read(INSTANCE);
    this.#present = this.#publishInstance();
  }

  /** The brand of the pages on the way to a client. */
  async ofClient(clientId: string): Promise<Brand> {
    const stored = await this.#deps.cache.get(clientId, () => this.#read(clientId));
    if (stored === null) return this.#present;
    const known = this.#ofClients.get(stored);
    if (known?.under === this.#present) return known.brand;
    const brand = this.#publishOf(clientId, stored);
    this.#ofClients.set(stored, { under: this.#present, brand });
    return brand;
  }

  /** Has the files of a client's brand there when a browser asks this node, which may not have shown its pages yet. */
  async prepare(path: string): Promise<void> {
    const [, key] = /^\/assets\/brand\/([\w-]+)\//.exec(path) ?? [];
    const clientId = Buffer.from(key ?? '', 'base64url').toString();
    // RFC 6749 appendix A.1: visible ASCII.
    if (/^[\x20-\x7e]{1,255}$/.test(clientId)) await this.ofClient(clientId);
  }

  /** @throws AppError branding.choice_invalid, branding.client_unknown */
  async changeOfClient(
    clientId: string,
    change: Readonly<Record<string, unknown>>,
    by: By,
  ): Promise<ClientBrandChoice> {
    const before = (await this.#read(clientId))?.choice ?? {};
    const merged = Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, value]) => value !== null));
    const parsed = clientBrandChoice.safeParse(merged);
    if (!parsed.success)
      throw choiceInvalid(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
    await this.#save(clientId, 'choice', JSON.stringify(parsed.data), by);
    return parsed.data;
  }

  /** @throws AppError branding.logo_refused, branding.stylesheet_refused, branding.client_unknown */
  async changeFile(owner: string | null, change: BrandChange, by: By): Promise<void> {
    const [name, value] = Object.entries(change)[0] as [keyof typeof COLUMNS, Buffer | string | null];
    if (Buffer.isBuffer(value)) readLogo(value);
    const checked = typeof value === 'string' ? readStylesheet(value) : value;
    await this.#save(owner ?? INSTANCE, COLUMNS[name], checked, by);
  }

  /** Takes away what belonged to clients that are gone. */
  async purge(batch: number): Promise<number> {
    const { database, clients } = this.#deps;
    let after = INSTANCE;
    for (;;) {
      const owners = await database.sql<{ owner: string }>(
        'select owner from brand where owner > $1 order by owner limit $2',
        [after, PURGE_PAGE],
      );
      if (owners.length === 0) return 0;
      after = owners.at(-1)!.owner;
      const gone = await clients.missing(owners.map(({ owner }) => owner));
      if (gone.length === 0) continue;
      const deleted = await database.sql('delete from brand where owner = any($1::text[]) returning owner', [
        gone.slice(0, batch),
      ]);
      return deleted.length;
    }
  }

  async #save(owner: string, column: string, value: Buffer | string | null, by: By): Promise<void> {
    const { database, clock, audit, cache, clients, announce } = this.#deps;
    if (owner !== INSTANCE && (await clients.find(owner)) === null) throw clientUnknown(owner);
    await database.transaction(async (em) => {
      await em.execute(`insert into brand (owner, choice, changed_at) values (?, '{}', ?) on conflict do nothing`, [
        owner,
        clock.now(),
      ]);
      const parameter = column === 'choice' ? '?::jsonb' : '?';
      await em.execute(`update brand set ${column} = ${parameter}, changed_at = ? where owner = ?`, [
        value,
        clock.now(),
        owner,
      ]);
      await audit.record(
        em,
        brandChanged({
          ...by,
          subject: owner === INSTANCE ? { type: 'setting', id: 'branding' } : { type: 'client', id: owner },
          details: { changed: column },
        }),
      );
    });
    if (owner !== INSTANCE) return cache.drop(owner);
    await this.reload();
    return announce();
  }

  async #read(owner: string): Promise<Stored | null> {
    const [row] = await this.#deps.database.sql<Row>(
      'select choice, logo, dark_logo, stylesheet from brand where owner = $1',
      [owner],
    );
    if (!row) return null;
    return {
      // A choice that another version wrote and this one cannot read counts as not made.
      choice: clientBrandChoice.safeParse(row.choice).data ?? {},
      logo: row.logo && Buffer.from(row.logo),
      darkLogo: row.dark_logo && Buffer.from(row.dark_logo),
      stylesheet: row.stylesheet,
    };
  }

  #publishInstance(): Brand {
    return publishBrand(this.#deps.files, 'brand/', this.#deps.policies.for(instance).branding, this.#instance);
  }

  /** The files and choices of the instance, or of a client. @throws AppError branding.client_unknown */
  async stored(clientId: string | null): Promise<Stored> {
    if (clientId !== null && (await this.#deps.clients.find(clientId)) === null) throw clientUnknown(clientId);
    return (await this.#read(clientId ?? INSTANCE)) ?? { choice: {}, logo: null, darkLogo: null, stylesheet: null };
  }

  /** The files of the instance. */
  uploads(): BrandUploads | null {
    return this.#instance;
  }

  #publishOf(clientId: string, stored: Stored): Brand {
    const { files, policies } = this.#deps;
    return publishOwnBrand(files, `brand/${keyOf(clientId)}/`, stored, policies.for(instance).branding, this.#instance);
  }
}

const keyOf = (clientId: string): string => Buffer.from(clientId).toString('base64url');
