/**
 * branding: the brand of pages and mails.
 *
 * Owns    the table brand: logos, the operator's own stylesheet, and the brands of single clients; the table organization_brand;
 *         the files of brands that browsers load; the table client_logo: pictures fetched from the `logo_uri` of clients; the preview of every page.
 * Leaves  names, colours and shapes of the instance to the settings, the derivation of colours to the stylesheet.
 * URLs    /assets/brand/…, /assets/organization-brand/…, /client-logos/…, /branding/preview
 */
import type { AuditLog } from '#audit/module.ts';
import { createCache } from '#kernel/cache.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { Context, Middleware } from '#kernel/http/context.ts';
import type { StaticFiles } from '#kernel/http/static.ts';
import type { Jobs } from '#kernel/jobs.ts';
import type { Invalidation } from '#kernel/invalidation.ts';
import type { Log } from '#kernel/log.ts';
import { lockOrganization, type OrganizationId } from '#directory/organizations/module.ts';
import type { Policies, SettingsService } from '#settings/module.ts';
import { BrandService } from './brand-service.ts';
import { CLIENT_LOGO_QUEUE, ClientLogos, type Dependencies as LogoDependencies } from './client-logos.ts';
import { OrganizationBrands } from './organization-brands.ts';
import { brandingRoutes, type Dependencies as RouteDependencies } from './routes.ts';
import { BRAND_FRESH_FOR, MOST_KEPT_BRANDS, MOST_KEPT_LOGOS } from './limits.ts';
import { type Mount, READ } from '#kernel/http/mounts.ts';

export type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql' | 'transaction'>;
  invalidation: Pick<Invalidation, 'publish' | 'subscribe' | 'isHealthy'>;
  log: Log;
  audit: Pick<AuditLog, 'record'>;
  policies: Policies<'branding' | 'oidc'>;
  settings: Pick<SettingsService, 'onChange'>;
  files: Pick<StaticFiles, 'publish' | 'url' | 'serve'>;
  clients: LogoDependencies['clients'];
  outbound: LogoDependencies['outbound'];
  jobs: Pick<Jobs, 'send' | 'define'>;
};

/** Creates the brand service with its cache, the routes of the preview, and the middleware for public files. */
export async function createBranding({ invalidation, log, ...deps }: Dependencies) {
  const brands = new BrandService({
    ...deps,
    cache: createCache({
      name: 'brands',
      maxEntries: MOST_KEPT_BRANDS,
      ttl: BRAND_FRESH_FOR,
      clock: deps.clock,
      invalidation,
    }),
    announce: () => invalidation.publish('branding', 'instance'),
  });
  const follow = () =>
    void brands.reload().catch((err: unknown) => log.warn({ err }, 'brand not read again; the known one stays'));
  invalidation.subscribe('branding', { changed: follow, resync: follow });
  await brands.reload();
  const organizationBrands = new OrganizationBrands({
    ...deps,
    brands,
    organizations: { lock: lockOrganization },
    cache: createCache({
      name: 'organization-brands',
      maxEntries: MOST_KEPT_BRANDS,
      ttl: BRAND_FRESH_FOR,
      clock: deps.clock,
      invalidation,
    }),
  });
  const logos = new ClientLogos({
    ...deps,
    log,
    cache: createCache({
      name: 'client-logos',
      maxEntries: MOST_KEPT_LOGOS,
      ttl: BRAND_FRESH_FOR,
      clock: deps.clock,
      invalidation,
    }),
  });
  deps.jobs.define(CLIENT_LOGO_QUEUE, logos.job());
  return {
    brands,
    organizationBrands,
    logos,
    routes: (ownPages: RouteDependencies['ownPages']) => brandingRoutes({ ...deps, brands, logos, ownPages }),
    /** Serves the public files, and the stylesheet and pictures of brands among them. */
    serveFiles: (async (ctx, next) => {
      await brands.prepare(ctx.path);
      await organizationBrands.prepare(ctx.path);
      return deps.files.serve(ctx, next);
    }) as Middleware,
    /**
     * Puts the pages of this request into the brand of the client that they are about, with its logo and addresses; of the
     * organization that the sign-in is for, where it has one.
     */
    async dress(ctx: Pick<Context, 'state'>, clientId: string, organizationId?: OrganizationId | null): Promise<void> {
      const ofOrganization = organizationId ? await organizationBrands.find(organizationId) : null;
      const brand = ofOrganization ?? (await brands.ofClient(clientId));
      ctx.state.brand = { ...brand, application: await logos.shown(clientId) };
    },
  };
}

/** Where its pages are. */
export const brandingMounts: readonly Mount[] = [
  { path: '/client-logos/*', audience: 'page', methods: READ },
  { path: '/branding/preview', audience: 'page', methods: READ },
  { path: '/branding/preview/*', audience: 'page', methods: READ },
];

export { OrganizationBrand } from './organization-brands.ts';
export { BrandRow } from './brand-service.ts';
export { ClientLogo } from './client-logo.ts';
