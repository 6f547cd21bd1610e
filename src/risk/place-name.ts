import { type Language, languages } from '#kernel/i18n.ts';
import type { Place } from './places.ts';

/** `Lisbon, Portugal`; null when nothing is known. */
export function placeName({ city, country }: Place, language: Language): string | null {
  const name =
    country === null ? null : new Intl.DisplayNames(languages[language].formats, { type: 'region' }).of(country);
  return [city, name].filter((part) => part !== null && part !== undefined).join(', ') || null;
}
