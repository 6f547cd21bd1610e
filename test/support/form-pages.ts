/** Pages with forms, each reached as its visitor reaches it. */
import { toUuid } from '#kernel/ids.ts';
import { signInTo } from './account.ts';
import type { TestApp, TestClient, TestUser } from './app.ts';
import { Authenticator } from './authenticator.ts';
import type { Mails } from './mails.ts';
import { codeOf, keyOn, walk } from './mfa.ts';
import { optionsOn, passkeyVisits } from './passkey-visits.ts';
import { begin, createRequest, freshEmail, strong } from './registration.ts';
import { authorizeUrl, formsOf, type Page, pkce, type Visitor } from './visitor.ts';

export type World = {
  latchkey: TestApp;
  mails: Mails;
  client: TestClient;
  /** With a proved address and a password, for pages that change nothing. */
  user: TestUser;
  set(name: string, value: unknown): Promise<void>;
};
export type Reach = (visitor: Visitor, world: World) => Promise<Page>;

/** The form that has one of these fields, or whose path ends so. */
export const formWith = (page: Page, typed: object, sentTo?: string) =>
  formsOf(page).find(({ action, fields, buttons }) =>
    sentTo === undefined
      ? Object.keys(typed).some((field) => field in fields || buttons.some(({ name }) => name === field))
      : new URL(action).pathname.endsWith(sentTo),
  );

export const outside =
  (path: string): Reach =>
  (visitor, { latchkey }) =>
    visitor.open(`${latchkey.base}${path}`);

/** A page of the account of a user of its own, who has just signed in. */
export const inside =
  (path: string): Reach =>
  async (visitor, { latchkey }) => {
    const { visitor: signedIn } = await signInTo(latchkey);
    for (const [key, cookie] of signedIn.jar) visitor.jar.set(key, cookie);
    return visitor.open(`${latchkey.base}${path}`);
  };

/** The profile of a user who may have a website. */
export const profile: Reach = async (visitor, world) => {
  await world.set('profile.fields', ['name', 'website']);
  return inside('/account/profile')(visitor, world);
};

/** The page behind a form that is filled in well. */
export const behind =
  (reach: Reach, typed: Record<string, string>, sentTo?: string): Reach =>
  async (visitor, world) => {
    const page = await reach(visitor, world);
    const form = formWith(page, typed, sentTo);
    return visitor.open(form?.action ?? page.url, { ...form?.fields, ...typed });
  };

export const login: Reach = (visitor, { latchkey, client }) =>
  visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));

export const password: Reach = async (visitor, world) =>
  visitor.submit(await login(visitor, world), { email: world.user.email });

export const besidePassword =
  (path: string): Reach =>
  async (visitor, world) =>
    visitor.open((await password(visitor, world)).url.replace(/password$/, path));

const verified = ({ latchkey }: World) => latchkey.user({ email_verified: true });

async function afterPassword(visitor: Visitor, { latchkey, client }: World, user: TestUser): Promise<Page> {
  return (await walk(latchkey, client).afterPassword(user, visitor)).page;
}

export const emailStep: Reach = async (visitor, world) => {
  await world.set('verification.email', 'required');
  return afterPassword(visitor, world, await world.latchkey.user());
};

export const profileStep: Reach = async (visitor, world) => {
  await world.set('profile.required', ['birthdate']);
  return afterPassword(visitor, world, await verified(world));
};

export const secondFactor: Reach = async (visitor, world) =>
  afterPassword(visitor, world, await walk(world.latchkey, world.client).withApp({ email_verified: true }));

/** Adding a second factor in a sign-in, because one is demanded. */
export const enrolment =
  (method: 'totp' | 'passkey'): Reach =>
  async (visitor, world) => {
    await world.set('mfa.enforcement', 'required');
    const choices = await afterPassword(visitor, world, await verified(world));
    return visitor.open(`${choices.url}/${method}`);
  };

export const newCodes: Reach = async (visitor, world) => {
  const page = await enrolment('totp')(visitor, world);
  return visitor.submit(page, { code: codeOf(keyOn(page)) }, 'confirm');
};

export const offeredPasskey: Reach = async (visitor, world) =>
  passkeyVisits(world.latchkey, world.client).afterPassword(visitor, await verified(world));

export const demandedPassword: Reach = async (visitor, world) => {
  const user = await verified(world);
  await world.latchkey.app.database.sql('update users set password_update_required = true where id = $1', [
    toUuid(user.id as never),
  ]);
  return afterPassword(visitor, world, user);
};

export const mailedPassword: Reach = async (visitor, world) => {
  const { email } = await verified(world);
  await behind(outside('/recovery'), { email })(visitor, world);
  return visitor.open((await world.mails.next(email, /^Choose a new password/)).link);
};

export const create: Reach = (visitor, { latchkey, client }) => visitor.open(createRequest(latchkey, client));

export const createWithTerms: Reach = async (visitor, world) => {
  await world.set('registration.termsVersion', '2026-01');
  return create(visitor, world);
};

/** The form without an email address. */
export const createNamed: Reach = async (visitor, world) => {
  await world.set('users.username', 'required');
  await world.set('users.email', 'optional');
  return visitor.open(`${(await create(visitor, world)).url}/username`);
};

export const createCheck: Reach = (visitor, { latchkey, client }) =>
  begin(visitor, createRequest(latchkey, client), { name: 'Noor', email: freshEmail(), password: strong });

/** The form that mends the address of an account that waits for its code. */
export const createAddress: Reach = async (visitor, world) =>
  visitor.open((await createCheck(visitor, world)).url.replace(/check$/, 'address'));

export const firstPasskey: Reach = async (visitor, { latchkey, client, mails }) => {
  const email = freshEmail();
  const page = await begin(visitor, createRequest(latchkey, client), { name: 'Noor', email }, 'passkey');
  return visitor.submit(page, { code: (await mails.next(email)).code });
};

export const firstPassword: Reach = async (visitor, world) =>
  visitor.open(`${(await firstPasskey(visitor, world)).url}/password`);

export const waitlist: Reach = async (visitor, world) => {
  await world.set('registration.mode', 'waitlist');
  return outside('/waitlist')(visitor, world);
};

export const setup: Reach = async (visitor, { latchkey }) =>
  visitor.open(`${latchkey.base}${(await latchkey.app.setup.openLink()) ?? ''}`);

/** The page of the only second factor, where one is demanded. */
export const onlyPasskey: Reach = async (visitor, world) => {
  const authenticator = new Authenticator();
  const { base } = world.latchkey;
  const page = await inside('/account/passkeys/new')(visitor, world);
  const added = await visitor.submit(page, { credential: authenticator.create(optionsOn(page), base) });
  const path = /\/account\/passkeys\/psk_\w+/.exec(added.text)?.[0] ?? '';
  const asked = await visitor.open(`${base}${path}`);
  await world.set('mfa.enforcement', 'required');
  return visitor.submit(asked, { credential: authenticator.get(optionsOn(asked), base) });
};

/** The page of a user who may create an organization. */
export const ownOrganizations: Reach = async (visitor, world) => {
  await world.set('organizations.creation', 'anyone');
  return inside('/account/organizations')(visitor, world);
};

/** The page of an owner whose organization a user asks to join. */
export const openRequest: Reach = async (visitor, world) => {
  const { latchkey } = world;
  await visitor.submit(await ownOrganizations(visitor, world), { name: 'Fernway Studio' }, 'create');
  const { text } = await visitor.open(`${latchkey.base}/account/organizations`);
  const id = /org_\w+/.exec(text)?.[0] ?? '';
  const { id: userId, email } = await latchkey.user();
  await latchkey.app.database.sql(
    `insert into organization_join (organization_id, user_id, state, email, created_at) values ($1, $2, 'asked', $3, now())`,
    [toUuid(id as `org_${string}`), toUuid(userId as `usr_${string}`), email],
  );
  return visitor.open(`${latchkey.base}/account/organizations/${id}/requests`);
};

/** The question of an owner who wants to leave an organization without another owner. */
export const onlyOwner: Reach = async (visitor, world) => {
  const { base } = world.latchkey;
  await visitor.submit(await ownOrganizations(visitor, world), { name: 'Fernway Studio' }, 'create');
  const { text } = await visitor.open(`${base}/account/organizations`);
  return visitor.open(`${base}${/\/account\/organizations\/org_\w+\/leave/.exec(text)?.[0] ?? ''}`);
};

/** A connection to a provider that does not answer. */
async function connected({ latchkey }: World): Promise<void> {
  const [found] = await latchkey.app.database.sql(`select 1 from connection where slug = 'gone'`);
  if (found !== undefined) return;
  await latchkey.run('connections.create', {
    slug: 'gone',
    provider: 'oidc',
    issuer: 'http://127.0.0.1:9',
    client_id: 'latchkey',
    client_secret: 'shared secret',
  });
}

export const providers: Reach = async (visitor, world) => {
  await connected(world);
  return besidePassword('federation')(visitor, world);
};

/** The page of a link that tests the connection. */
export const connectionTest: Reach = async (visitor, world) => {
  await connected(world);
  const { url } = await world.latchkey.run<{ url: string }>('connections.test', { connection: 'gone' });
  return visitor.open(url);
};

export const linkedAccounts: Reach = async (visitor, world) => {
  await connected(world);
  return inside('/account/linked-accounts')(visitor, world);
};
