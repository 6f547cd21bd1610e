import { z } from 'zod';
import type { Context, State } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import type { MailedLink } from '#kernel/http/mailed-link.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { Router } from '#kernel/http/router.ts';
import { show } from '#kernel/views.ts';
import type { UpstreamProfile } from './profile.ts';
import { type TestResult, testView } from './test-view.ts';
import type { UpstreamRequests } from './upstream-requests.ts';

/** The links that test a connection. */
export type ConnectionTests = {
  /** The connection of a link, where that can still be used. */
  find(secret: string): Promise<{ slug: string; name: string } | null>;
  /** Whether the link showed no result yet; it shows none from now on. */
  use(secret: string): Promise<boolean>;
};

const PAGE = '/federation/:connection/test/:link';
const testPage = formPage<{ problem: 'unreachable' }>();
const buttonForm = form(z.object({ action: z.string().max(16).optional() }));
/** The secret of the link is in a cookie of this browser, as the session is at other pages. */
const bindingOf = (secret: string): string => `test:${secret}`;

/** Routes of the link that tests a connection: a sign-in that changes nothing and shows what the provider said. */
export function testRoutes({
  requests,
  tests,
  link,
}: {
  requests: UpstreamRequests;
  tests: ConnectionTests;
  link: MailedLink;
}): Router<State> {
  const router = new Router<State>();

  router.get(PAGE, showStart);
  router.post(PAGE, begin);
  router.get(`${PAGE}/result`, showResult);

  async function showStart(ctx: Context): Promise<void> {
    if (link.keep(ctx)) return;
    const connection = await connectionOf(ctx);
    if (connection === null) return showEnd(ctx);
    const isUnreachable = testPage.refused(ctx).problem !== undefined;
    show(ctx, 200, testView, { provider: connection.name, action: ctx.path, isUnreachable, result: null });
  }

  async function begin(ctx: Context): Promise<void> {
    await buttonForm.read(ctx);
    const connection = await connectionOf(ctx);
    if (connection === null) return showEnd(ctx);
    const location = await requests.begin(
      { connection: connection.slug, purpose: 'test' },
      { binding: bindingOf(link.read(ctx)), page: `${ctx.path}/result` },
    );
    if (location !== null) return seeOther(ctx, location, [location]);
    testPage.refuse(ctx, ctx.path, { problem: 'unreachable' });
  }

  async function showResult(ctx: Context): Promise<void> {
    const connection = await connectionOf(ctx);
    if (connection === null) return showEnd(ctx);
    const secret = link.read(ctx);
    const answer = await requests.take(ctx.query['proof'], bindingOf(secret), 'test');
    if (answer === null || !(await tests.use(secret))) return showEnd(ctx);
    link.forget(ctx);
    const result: TestResult =
      answer.kind === 'profile'
        ? { kind: 'passed', profile: membersOf(answer.profile), seen: answer.seen.filter(hasValue) }
        : answer;
    show(ctx, 200, testView, { provider: connection.name, action: null, isUnreachable: false, result });
  }

  /** Null where the link is of another connection than its address. */
  async function connectionOf(ctx: Context): Promise<{ slug: string; name: string } | null> {
    const connection = await tests.find(link.read(ctx));
    return connection?.slug === ctx.params['connection'] ? connection : null;
  }

  function showEnd(ctx: Context): void {
    show(ctx, 410, testView, {
      provider: ctx.params['connection'] ?? '',
      action: null,
      isUnreachable: false,
      result: null,
    });
  }

  return router;
}

const hasValue = ({ values }: { values: readonly string[] }): boolean => values.length > 0;

/** The profile as a sign-in would use it. */
function membersOf(profile: UpstreamProfile) {
  const { subject, email, name, givenName, familyName, preferredUsername, amr, groups, roles } = profile;
  const members: Readonly<Record<string, readonly (string | null | undefined)[]>> = {
    subject: [subject],
    email: [email?.address],
    email_trusted: [email === null ? null : email.isTrusted ? 'yes' : 'no'],
    name: [name],
    given_name: [givenName],
    family_name: [familyName],
    preferred_username: [preferredUsername],
    amr,
    groups,
    roles,
  };
  return Object.entries(members)
    .map(([member, values]) => ({ name: member, values: values.flatMap((value) => value ?? []) }))
    .filter(hasValue);
}
