import { EXPLORER_CLIENT_ID } from '#applications/clients/module.ts';
import { OWN_API } from '#applications/apis/module.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { Router } from '#kernel/http/router.ts';
import { show } from '#kernel/views.ts';
import { instance, type Policies } from '#settings/module.ts';
import { notFound } from './errors.ts';
import type { ApiDocument } from './document-form.ts';
import { LONGEST_QUERY } from './limits.ts';
import { explorerPages } from './explorer-page.ts';
import { nounView, overviewView } from './explorer-view.ts';

/** The explorer: the document of the API as pages. Where the setting `api.explorer` is off, they do not exist. */
export function explorerRoutes({
  document,
  policies,
}: {
  document: () => ApiDocument;
  policies: Policies<'api'>;
}): Router<State> {
  const router = new Router<State>();
  let made: ReturnType<typeof explorerPages> | undefined;
  const pages = () => (made ??= explorerPages(document(), EXPLORER_CLIENT_ID));

  router.get('/api/docs', showOverview);
  router.get('/api/docs/:noun', showNoun);

  function requireOn(): void {
    if (policies.for(instance).api.explorer === 'off') throw notFound();
  }

  function showOverview(ctx: Context): void {
    requireOn();
    const { q } = ctx.query;
    show(ctx, 200, overviewView, {
      ...pages().overview(typeof q === 'string' ? q.slice(0, LONGEST_QUERY) : ''),
      resource: OWN_API,
      documentUrl: '/api/openapi.json',
    });
  }

  function showNoun(ctx: Context): void {
    requireOn();
    const page = pages().noun(ctx.params['noun'] ?? '');
    if (!page) throw notFound();
    show(ctx, 200, nounView, page);
  }

  return router;
}
