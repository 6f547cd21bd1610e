import { caep, type EventTypeRow, type Gravity } from '#audit/module.ts';

/** How an event is marked on the page. */
type Tone = 'ok' | 'warn' | 'bad' | null;

const tones: Readonly<Record<Gravity, Tone>> = { info: null, notice: 'warn', warning: 'bad', alert: 'bad' };

/** The text of an event on the activity page, besides its time and place. */
export type ToldEvent = {
  /** Its words are `account.event.<type>`. */
  type: string;
  tone: Tone;
  /** Whether another user may have caused it, so that the page asks. */
  isDoubtful: boolean;
};

/** Events that the activity page shows to the owner, by type; the rest of the catalogue is for others. */
export function toldEvents(catalogue: readonly EventTypeRow[]): ReadonlyMap<string, ToldEvent> {
  return new Map(
    catalogue.filter(({ audience }) => audience.includes('person')).map((row) => [row.name, toldEvent(row)]),
  );
}

/** The presentation of an event type on the activity page: its tone, and whether the user can report it. */
export function toldEvent({ name, gravity, caep: signal }: EventTypeRow): ToldEvent {
  const isSignIn = signal === caep.sessionEstablished;
  return {
    type: name,
    tone: isSignIn ? 'ok' : tones[gravity],
    isDoubtful: isSignIn || signal === caep.credentialChange,
  };
}
