import { readFileSync } from 'node:fs';
import { Reader, type CityResponse } from 'mmdb-lib';
import { ConfigError } from '#kernel/config.ts';
import { canonicalAddress } from '#kernel/http/address.ts';
import type { Coordinates } from './assessment.ts';
import { type Language, languages } from '#kernel/i18n.ts';

/** Where an address is, as coarsely as the file says. `country` is of ISO 3166-1 alpha-2. */
type Place = { country: string | null; city: string | null; coordinates: Coordinates | null };

export type Places = {
  find(ip: string): Place;
  /** City and country in words; null where the address is nowhere. */
  describe(ip: string, language: Language): string | null;
};

const nowhere: Place = { country: null, city: null, coordinates: null };

/** Reads a file in MaxMind's format (GeoLite2, DB-IP) once. Without one every address is nowhere. */
export function openPlaces(file: string | undefined): Places {
  if (file === undefined) return { find: () => nowhere, describe: () => null };
  const reader = openReader(file);
  const find = (ip: string): Place => placeOf(reader.get(canonicalAddress(ip)));
  return { find, describe: (ip, language) => placeName(find(ip), language) };
}

function placeOf(found: CityResponse | null): Place {
  if (!found) return nowhere;
  const { latitude, longitude } = found.location ?? {};
  return {
    country: found.country?.iso_code ?? null,
    city: found.city?.names?.en ?? null,
    coordinates: latitude === undefined || longitude === undefined ? null : { latitude, longitude },
  };
}

function openReader(file: string): Reader<CityResponse> {
  try {
    return new Reader<CityResponse>(readFileSync(file));
  } catch (cause) {
    throw new ConfigError(`GEOIP_FILE: ${file} cannot be read as a file in MaxMind's format (.mmdb).`, { cause });
  }
}

/** `Lisbon, Portugal`; null when nothing is known. */
function placeName({ city, country }: Place, language: Language): string | null {
  const name =
    country === null ? null : new Intl.DisplayNames(languages[language].formats, { type: 'region' }).of(country);
  return [city, name].filter((part) => part !== null && part !== undefined).join(', ') || null;
}
