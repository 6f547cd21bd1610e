import { fromUuid, toUuid } from '#kernel/ids.ts';
import type { PageRequest } from '#kernel/operations/list-operation.ts';
import type { WrittenObject, WrittenPage } from '#kernel/operations/written.ts';
import { type WrittenCache, WrittenObjects } from '#kernel/operations/written-objects.ts';
import { WrittenPages } from '#kernel/operations/written-pages.ts';
import { userNotFound } from '#directory/users/errors.ts';
import type { UserId, UserList } from '#directory/users/module.ts';
import type { UserFilters } from '#directory/users/management/user-list.ts';
import type { userSorts } from '#directory/users/management/user-sorts.ts';
import { MOST_SHOWN_PAGES, MOST_SHOWN_USERS } from './limits.ts';
import { listedOnWire, listedSchema, shownSchema, wholeOnWire } from './shown-user.ts';
import type { UserAdministration } from './user-administration.ts';

type Dependencies = WrittenCache & {
  administration: Pick<UserAdministration, 'find' | 'among'>;
  list: Pick<UserList, 'keys'>;
};

type Asked = PageRequest<(typeof userSorts)[number]>;

/** Of messages about changes, which triggers of the tables send: each names a user. */
const topics = ['users', 'credentials'] as const;
/** The same for new users, which names none. */
const NEW_USERS = 'new-users';

/**
 * Users with their credentials as the management API shows them, from memory. Triggers of the tables tell every process of changes.
 * The times of the last activity and of the last use of a credential change without a message, so they are some seconds old at most.
 */
export class ShownUsers {
  readonly #list: Pick<UserList, 'keys'>;
  readonly #whole: WrittenObjects;
  readonly #listed: WrittenObjects;
  readonly #pages: WrittenPages;

  constructor({ administration, list, ...cache }: Dependencies) {
    this.#list = list;
    this.#whole = new WrittenObjects({
      ...cache,
      name: 'shown-users',
      topics,
      maxEntries: MOST_SHOWN_USERS,
      schema: shownSchema,
      read: async ([uuid]) => {
        const user = await administration.find(fromUuid('usr', uuid!));
        return new Map(user === null ? [] : [[uuid!, wholeOnWire(user)]]);
      },
    });
    this.#listed = new WrittenObjects({
      ...cache,
      name: 'listed-users',
      topics,
      maxEntries: MOST_SHOWN_USERS,
      schema: listedSchema,
      read: async (uuids) => {
        const found = await administration.among(uuids);
        return new Map(found.map((listed) => [toUuid(listed.user.id), listedOnWire(listed)]));
      },
    });
    this.#pages = new WrittenPages({
      ...cache,
      name: 'user-pages',
      topics: [...topics, NEW_USERS],
      maxEntries: MOST_SHOWN_PAGES,
    });
  }

  /** A user as JSON. Throws users.not_found. */
  async find(id: UserId): Promise<WrittenObject> {
    const user = await this.#whole.find(toUuid(id));
    if (user === null) throw userNotFound();
    return user;
  }

  /** A page of the list, with its users as JSON. */
  async page(filters: UserFilters, page: Asked): Promise<WrittenPage> {
    const isWhole = Object.values(filters).every((value) => value === undefined) && !page.wantsTotal;
    // Filters ask for more, which changes without a message of these topics.
    return isWhole ? this.#pages.get(page, () => this.#read(filters, page)) : this.#read(filters, page);
  }

  async #read(filters: UserFilters, page: Asked): Promise<WrittenPage> {
    const { items: keys, ...others } = await this.#list.keys(filters, page);
    return { ...others, objects: await this.#listed.among(keys) };
  }
}
