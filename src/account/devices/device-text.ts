import { SECOND } from '#kernel/clock.ts';
import { deviceName } from '#kernel/http/device-name.ts';
import type { Language } from '#kernel/i18n.ts';
import type { SignedInBrowser } from '#oidc/module.ts';

/** One signed-in browser as its owner sees it. */
export type ShownDevice = {
  id: string;
  kind: 'computer' | 'phone';
  /** Null for what the browser does not say. */
  browser: string | null;
  system: string | null;
  /** Null where we do not know places. */
  place: string | null;
  ip: string | null;
  seenAt: Date | null;
  signedInAt: Date;
  isCurrent: boolean;
};

/** Where an address is, in words; null where we do not know places. */
export type PlaceText = (ip: string, language: Language) => string | null;

const phones = new Set(['Android', 'iOS', 'Windows Phone']);

function shownDevice(
  { id, signedInAt, lastSeen }: SignedInBrowser,
  { currentId, place }: { currentId: string; place: (ip: string) => string | null },
): ShownDevice {
  const { browser, system } = deviceName(lastSeen?.userAgent ?? '');
  return {
    id,
    kind: kindOf(system),
    browser,
    system,
    place: lastSeen ? place(lastSeen.ip) : null,
    ip: lastSeen?.ip ?? null,
    seenAt: lastSeen ? new Date(lastSeen.at * SECOND) : null,
    signedInAt: new Date(signedInAt * SECOND),
    isCurrent: id === currentId,
  };
}

/** The browser that asks comes first, then whichever was seen last. */
export function shownDevices(
  browsers: readonly SignedInBrowser[],
  about: { currentId: string; place: (ip: string) => string | null },
): ShownDevice[] {
  const rank = ({ isCurrent, seenAt }: ShownDevice): number => (isCurrent ? Infinity : (seenAt?.getTime() ?? 0));
  return browsers.map((browser) => shownDevice(browser, about)).sort((a, b) => rank(b) - rank(a));
}

/** The icon of a device by its operating system; an unknown system counts as a computer. */
export const kindOf = (system: string | null): ShownDevice['kind'] =>
  system !== null && phones.has(system) ? 'phone' : 'computer';
