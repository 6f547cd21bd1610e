import type { EventTypeRow, ShownEventType } from './event-type.ts';

/** The catalogue of event types for readers: all slices declare their own ones, and the composition knows them all. */
export type EventCatalogue = {
  /** Types that this release records. */
  types: readonly EventTypeRow[];
  /** Types that the log may hold, by their names. */
  shown: ReadonlyMap<string, ShownEventType>;
  /** Names of all types that the log may hold. */
  names: readonly string[];
  /** Names of those that administrators of an organization may see. */
  ofOrganizations: readonly string[];
};

/** The catalogue, from the types that this release records and all that the log may hold. */
export function createCatalogue(types: readonly EventTypeRow[], shown: readonly ShownEventType[]): EventCatalogue {
  return {
    types,
    shown: new Map(shown.map((type) => [type.name, type])),
    names: shown.map(({ name }) => name),
    ofOrganizations: shown.filter(({ audience }) => audience.includes('organization')).map(({ name }) => name),
  };
}
