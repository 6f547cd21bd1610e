import type { OrganizationId, OrganizationService } from '#directory/organizations/module.ts';
import type { User, UserId, UserService } from '#directory/users/module.ts';
import { type Clock, fromNow } from '#kernel/clock.ts';
import type { EntityManager } from '#kernel/database.ts';
import { chooseLanguage } from '#kernel/i18n.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import { joinAnswerLetter, joinRequestLetter } from './join-letters.ts';
import { ASK_AGAIN_AFTER, MOST_TOLD_OF_REQUEST } from './limits.ts';

export type JoinNoticesDependencies = {
  clock: Clock;
  users: Pick<UserService, 'findById'>;
  organizations: Pick<OrganizationService, 'findById'>;
  letters: Pick<Letters, 'send'>;
  managers: MemberManagers;
  issuer: string;
};

/** Finds the members who manage the members of an organization; the slice access answers. */
type MemberManagers = {
  membersWith(id: OrganizationId, permission: 'organization.members.manage', most: number): Promise<UserId[]>;
};

/** Queues the mails in a transaction; everything in them was read before it. */
type Tell = (em: EntityManager) => Promise<void>;

/** The mails about requests to join an organization, each in the language of its reader. */
export class JoinNotices {
  readonly #deps: JoinNoticesDependencies;

  constructor(dependencies: JoinNoticesDependencies) {
    this.#deps = dependencies;
  }

  /** To the members who can answer the request of a user. */
  async ofRequest(id: OrganizationId, userId: UserId): Promise<Tell> {
    const { managers, users, organizations, letters, issuer } = this.#deps;
    const ids = await managers.membersWith(id, 'organization.members.manage', MOST_TOLD_OF_REQUEST);
    const [asking, organization, ...readers] = await Promise.all([
      users.findById(userId),
      organizations.findById(id),
      ...ids.map((each) => users.findById(each)),
    ]);
    if (!asking?.email || !organization) return nothing;
    const { email, profile } = asking;
    const context = {
      organization: organization.name,
      person: profile.name ?? email,
      email,
      url: `${issuer}/account/organizations/${id}/requests`,
    };
    return async (em) => {
      for (const reader of readers)
        if (reader?.status === 'active' && reader.email)
          await letters.send(
            joinRequestLetter,
            { kind: 'join_request', ...to({ ...reader, email: reader.email }), context },
            em,
          );
    };
  }

  /** To the user who asked. */
  async ofAnswer(id: OrganizationId, userId: UserId, answer: 'approved' | 'refused'): Promise<Tell> {
    const { clock, users, organizations, letters, issuer } = this.#deps;
    const [asked, organization] = await Promise.all([users.findById(userId), organizations.findById(id)]);
    if (!asked?.email || !organization) return nothing;
    const reader = { email: asked.email, profile: asked.profile };
    const context = {
      organization: organization.name,
      answer,
      againAt: answer === 'refused' ? fromNow(clock, ASK_AGAIN_AFTER) : null,
      url: `${issuer}/account/organizations`,
    };
    return async (em) =>
      void (await letters.send(joinAnswerLetter, { kind: 'join_answer', ...to(reader), context }, em));
  }
}

const nothing: Tell = async () => undefined;

const to = ({ email, profile }: { email: string } & Pick<User, 'profile'>) => ({
  to: { address: email },
  language: chooseLanguage({ uiLocales: profile.locale }),
});
