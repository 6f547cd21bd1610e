import Bowser from 'bowser';

/** Names as users know them; null for what a user agent does not say. Marketing, not a fact: nothing may depend on it. */
type DeviceName = { browser: string | null; system: string | null };

/** The names of browser and operating system in a User-Agent header; null if unknown. */
export function deviceName(userAgent: string): DeviceName {
  if (userAgent === '') return { browser: null, system: null };
  const { browser, os } = Bowser.parse(userAgent);
  return { browser: browser.name || null, system: os.name || null };
}
