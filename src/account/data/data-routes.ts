import { Router } from '#kernel/http/router.ts';
import { z } from 'zod';
import { byUser } from '#audit/module.ts';
import { AppError } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { LATELY, type OwnPages } from '#oidc/sessions/module.ts';
import { canonicalIdentifier, cleanIdentifier, type ClosingService, identifierOf } from '#directory/users/module.ts';
import { accountFrame } from '../account-frame.ts';
import type { ConnectedApps } from '../apps/connected-apps.ts';
import type { DataExport } from './data-export.ts';
import { type ClosePage, closedView, closeView, dataView, downloadView } from './data-view.ts';

type DataRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  apps: Pick<ConnectedApps, 'list'>;
  dataExport: DataExport;
  closing: ClosingService;
};

const DOWNLOAD = '/account/data/download';
const CLOSE = '/account/close';
const noFields = form(z.object({}));
const closePage = formPage<Pick<ClosePage, 'problem'> & Partial<Pick<ClosePage, 'organizations'>>>();
/** Named on the page; the page of organizations shows all of them. */
const MOST_NAMED = 3;
const closeForm = form(z.object({ email: z.string().overwrite(cleanIdentifier).default('') }));

/** Routes of `/account/data`: download of the user's data as JSON, and deletion of the account. */
export function dataRoutes(deps: DataRouteDependencies): Router<State> {
  const { ownPages, apps, dataExport, closing } = deps;
  const router = new Router<State>();

  router.get('/account/data', showData);
  router.get(DOWNLOAD, showDownload);
  router.post(DOWNLOAD, download);
  router.get(CLOSE, showClose);
  router.post(CLOSE, closeAccount);
  router.get('/account/closed', showClosed);

  async function showData(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person !== null) show(ctx, 200, dataView, { frame: accountFrame(ctx, person) });
  }

  async function showDownload(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person !== null) show(ctx, 200, downloadView, { frame: accountFrame(ctx, person) });
  }

  async function download(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    await noFields.read(ctx);
    const { user } = person;
    const data = await dataExport.download(user, byUser(user.id, visitorOf(ctx)));
    ctx.type = 'application/json; charset=utf-8';
    ctx.attachment('my-data.json');
    ctx.body = `${JSON.stringify(data, null, 2)}\n`;
  }

  async function closeAccount(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const form = await closeForm.read(ctx);
    const typed = form.isValid ? form.values.email : '';
    if (typed === '') return closePage.refuse(ctx, CLOSE, { problem: 'required' });
    if (canonicalIdentifier(typed) !== canonicalIdentifier(identifierOf(person.user)))
      return closePage.refuse(ctx, CLOSE, { problem: 'different' });
    try {
      const goesAt = await closing.close(person.userId, byUser(person.userId, visitorOf(ctx)));
      return seeOther(ctx, `/account/closed${goesAt ? `?until=${goesAt.toISOString().slice(0, 10)}` : ''}`);
    } catch (error) {
      const refusal = error instanceof AppError ? refusalOf(error) : null;
      if (refusal === null) throw error;
      return closePage.refuse(ctx, CLOSE, refusal);
    }
  }

  /** The user is signed out, and the page shows no personal data. */
  function showClosed(ctx: Context): void {
    const { until } = ctx.query;
    const isDay = typeof until === 'string' && /^\d{4}-\d\d-\d\d$/.test(until);
    const goesAt = isDay ? new Date(`${until}T12:00:00Z`) : null;
    show(ctx, 200, closedView, { goesAt: goesAt && Number.isNaN(goesAt.valueOf()) ? null : goesAt });
  }

  async function showClose(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const { problem = null, organizations = [] } = closePage.refused(ctx);
    const connected = await apps.list(person.userId);
    show(ctx, 200, closeView, {
      frame: accountFrame(ctx, person),
      days: closing.daysOf(person.userId),
      apps: connected.length,
      problem,
      organizations,
    });
  }

  return router;
}

function refusalOf({ code, details }: AppError): Pick<ClosePage, 'problem' | 'organizations'> | null {
  if (code === 'users.last_administrator') return { problem: 'last_administrator', organizations: [] };
  if (code !== 'users.last_owner') return null;
  const organizations = (details?.['organizations'] ?? []) as readonly { name: string }[];
  return { problem: 'last_owner', organizations: organizations.slice(0, MOST_NAMED).map(({ name }) => name) };
}
