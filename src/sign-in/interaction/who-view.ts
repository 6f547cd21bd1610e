import type { Interaction } from './interaction.ts';

/** The account on the first page of a sign-in that knows an address. */
export type WhoShown = {
  /** The name that this browser remembers with the address; null without one. */
  name: string | null;
  /** Where another user goes on: the page for the address, or the accounts of this browser. */
  changeUrl: string;
  /** How this browser forgets the account; null where it does not remember it. Field: `account`. */
  forgetAccount: { action: string; account: string } | null;
  /** The application of the sign-in, on the first page of an account that this browser remembers: no page before it has named the application. */
  continuesTo: string | null;
};

/** Of a sign-in in which nothing is proved yet. */
export function whoIs({ path, remembered, question }: Interaction): WhoShown {
  return {
    name: remembered?.name ?? null,
    changeUrl: `${path}/login`,
    forgetAccount: remembered && { action: `${path}/account/forget`, account: remembered.id },
    continuesTo: remembered && question.client.name,
  };
}

/** For samples. */
export const unknownWho: WhoShown = {
  name: null,
  changeUrl: '/interaction/4Tj2/login',
  forgetAccount: null,
  continuesTo: null,
};
export const rememberedWho: WhoShown = {
  name: 'Noor Haddad',
  changeUrl: '/interaction/4Tj2/login',
  forgetAccount: { action: '/interaction/4Tj2/account/forget', account: 'usr_1' },
  continuesTo: 'Tally',
};
