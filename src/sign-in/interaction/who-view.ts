import { inside, type Interaction, isOfSession } from './interaction.ts';
import type { Way } from './offered-first-factors.ts';

/** The account on the first page of a sign-in that knows an address. */
export type WhoShown = {
  /** The name that this browser remembers with the address; null without one. */
  name: string | null;
  /** Where another user goes on: the page for the address, or the accounts of this browser. */
  changeUrl: string;
  /** How the account was last used in this browser; null where the browser does not remember it. */
  lastUsed: Way | null;
  /** How this browser forgets the account; null where it does not remember it. Field: `account`. */
  forgetAccount: { action: string; account: string } | null;
  /** The application of the sign-in, on the first page of an account that this browser remembers: no page before it has named the application. */
  continuesTo: string | null;
  /** Why the user of the session proves again who they are, and the way out; null in any other sign-in. */
  again: Again | null;
};

/** `application`: an application asks, and a form leads back to it. Otherwise it is a page of ours, and a link leads away. */
type Again = { reason: 'security' | 'data' | 'account' | 'application'; client: string; cancelUrl: string };

/** Of a sign-in in which nothing is proved yet. */
export function whoIs({ path, remembered, question, [inside]: found }: Interaction): WhoShown {
  return {
    name: remembered?.name ?? null,
    lastUsed: remembered?.way ?? null,
    changeUrl: `${path}/login`,
    forgetAccount: remembered && { action: `${path}/account/forget`, account: remembered.id },
    continuesTo: remembered && question.client.name,
    again: isOfSession(found) ? againOf(path, question) : null,
  };
}

function againOf(path: string, { client, ownPage }: Interaction['question']): Again {
  if (ownPage === null) return { reason: 'application', client: client.name, cancelUrl: `${path}/cancel` };
  const [, reason = 'account'] = pages.find(([begin]) => begin.test(ownPage)) ?? [];
  return { reason, client: client.name, cancelUrl: '/account' };
}

const pages: readonly (readonly [RegExp, Again['reason']])[] = [
  [/^\/account\/(security|password|passkeys|authenticator|recovery-codes|linked-accounts)\b/, 'security'],
  [/^\/account\/(data|close|activity)\b/, 'data'],
];

/** For samples. */
export const unknownWho: WhoShown = {
  name: null,
  lastUsed: null,
  changeUrl: '/interaction/4Tj2/login',
  forgetAccount: null,
  continuesTo: null,
  again: null,
};
export const rememberedWho: WhoShown = {
  name: 'Noor Haddad',
  lastUsed: 'password',
  changeUrl: '/interaction/4Tj2/login',
  forgetAccount: { action: '/interaction/4Tj2/account/forget', account: 'usr_1' },
  continuesTo: 'Tally',
  again: null,
};
export const againSamples: Readonly<Record<string, WhoShown>> = {
  ...Object.fromEntries(
    (['security', 'data', 'account'] as const).map((reason) => [
      `again for a page of ours: ${reason}`,
      { ...unknownWho, name: 'Noor Haddad', again: { reason, client: 'Account', cancelUrl: '/account' } },
    ]),
  ),
  'again for an application': {
    ...unknownWho,
    again: { reason: 'application', client: 'Tally', cancelUrl: '/interaction/4Tj2/cancel' },
  },
};
