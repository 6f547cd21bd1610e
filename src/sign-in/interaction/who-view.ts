import type { Interaction } from './interaction.ts';

/** The account on the first page of a sign-in that knows an address. */
export type WhoShown = {
  /** The name that this browser remembers with the address; null without one. */
  name: string | null;
  /** Where another user goes on: the page for the address, or the accounts of this browser. */
  changeUrl: string;
  /** How this browser forgets the account; null where it does not remember it. Field: `account`. */
  forgetAccount: { action: string; account: string } | null;
};

/** Of a sign-in in which nothing is proved yet. */
export function whoIs({ path, remembered }: Interaction): WhoShown {
  return {
    name: remembered?.name ?? null,
    changeUrl: `${path}/login`,
    forgetAccount: remembered && { action: `${path}/account/forget`, account: remembered.id },
  };
}

/** For samples. */
export const unknownWho: WhoShown = { name: null, changeUrl: '/interaction/4Tj2/login', forgetAccount: null };
export const rememberedWho: WhoShown = {
  name: 'Noor Haddad',
  changeUrl: '/interaction/4Tj2/login',
  forgetAccount: { action: '/interaction/4Tj2/account/forget', account: 'usr_1' },
};
