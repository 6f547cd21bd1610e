import { Router } from '#kernel/http/router.ts';
import type { AuditReader } from '#audit/module.ts';
import { SECOND } from '#kernel/clock.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { languages } from '#kernel/i18n.ts';
import type { Texts } from '#kernel/sms/texts.ts';
import { show } from '#kernel/views.ts';
import type { OwnPages, SessionService, SignedInPerson } from '#oidc/sessions/module.ts';
import type { ContactService } from '#directory/contacts/module.ts';
import { userClosingCancelled } from '#directory/users/events.ts';
import type { User, UserId } from '#directory/users/module.ts';
import { type AccountFrame, accountFrame } from '../account-frame.ts';
import { type PlaceText, shownDevices } from '../devices/device-text.ts';
import type { OwnOrganizations } from '../organizations/own-organizations.ts';
import type { Methods, SignInMethods } from '../security/methods.ts';
import { type OverviewPage, overviewView } from './overview-view.ts';
import { languageOf } from '../profile/profile-routes.ts';
import { MOST_OVERVIEW_DEVICES } from '../limits.ts';

type OverviewRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  methods: Methods;
  sessions: Pick<SessionService, 'list'>;
  events: Pick<AuditReader, 'listOfUser'>;
  place: PlaceText;
  own: Pick<OwnOrganizations, 'isOffered'>;
  contacts: Pick<ContactService, 'list'>;
  texts: Pick<Texts, 'isOn'>;
};

/** The route `/account`: the overview page. */
export function overviewRoutes(deps: OverviewRouteDependencies): Router<State> {
  const { ownPages, methods, sessions, place, own, contacts, texts } = deps;
  const router = new Router<State>();

  router.get('/account', showOverview);

  async function showOverview(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    const [found, browsers, frame, links] = await Promise.all([
      methods.find(person.userId),
      sessions.list(person.userId),
      frameOf(ctx, person),
      linksOf(person.userId),
    ]);
    const devices = shownDevices(browsers, {
      currentId: person.sessionId,
      place: (ip) => place(ip, ctx.state.language),
    });
    show(ctx, 200, overviewView, {
      frame,
      fewCodes: found.codes?.isFew ? found.codes.left : null,
      methods: shownMethods(found),
      devices: devices.slice(0, MOST_OVERVIEW_DEVICES),
      ...links,
      details: shownDetails(person.user),
    });
  }

  async function linksOf(userId: UserId): Promise<Pick<OverviewPage, 'hasOrganizations' | 'hasPhones'>> {
    const hasPhones = texts.isOn() || (await contacts.list(userId, 'phone')).length > 0;
    return { hasOrganizations: await own.isOffered(userId), hasPhones };
  }

  /** A user who signed in to cancel the account deletion sees that it worked. */
  async function frameOf(ctx: Context, person: SignedInPerson): Promise<AccountFrame> {
    const frame = accountFrame(ctx, person);
    if (frame.done !== null) return frame;
    const [last] = await deps.events.listOfUser(person.userId, { types: [userClosingCancelled.name], limit: 1 });
    return last && last.at.getTime() >= person.authTime * SECOND ? { ...frame, done: 'reopened' } : frame;
  }

  return router;
}

function shownMethods({ passkeys, app, passwordChangedAt }: SignInMethods): OverviewPage['methods'] {
  const used = passkeys.flatMap(({ lastUsedAt }) => lastUsedAt ?? []).map((date) => date.getTime());
  return {
    passkeys: { count: passkeys.length, lastUsedAt: used.length > 0 ? new Date(Math.max(...used)) : null },
    appAddedAt: app?.createdAt ?? null,
    passwordChangedAt,
  };
}

function shownDetails(user: User): OverviewPage['details'] {
  const language = languageOf(user);
  return {
    emailVerified: user.emailVerified,
    phone: user.phoneNumber ? { number: user.phoneNumber, isVerified: user.phoneNumberVerified } : null,
    language: language && languages[language].name,
  };
}
