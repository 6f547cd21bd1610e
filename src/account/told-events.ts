import { caep, type EventTypeRow, type Gravity } from '#audit/module.ts';

/** How an event is marked on the page. */
type Tone = 'ok' | 'warn' | 'bad' | null;

const tones: Readonly<Record<Gravity, Tone>> = { info: null, notice: 'warn', warning: 'bad', alert: 'bad' };

/** What the activity page shows of an event, besides when and where it was. */
export type ToldEvent = {
  /** Its words are `account.event.<type>`. */
  type: string;
  tone: Tone;
  /** Whether another person may have caused it, so that the page asks. */
  isDoubtful: boolean;
};

/** What people are told of what happened in their account, by type; the rest of the catalogue is for others. */
export function toldEvents(catalogue: readonly EventTypeRow[]): ReadonlyMap<string, ToldEvent> {
  return new Map(
    catalogue.filter(({ audience }) => audience.includes('person')).map((row) => [row.name, toldEvent(row)]),
  );
}

export function toldEvent({ name, gravity, caep: signal }: EventTypeRow): ToldEvent {
  const isSignIn = signal === caep.sessionEstablished;
  return {
    type: name,
    tone: isSignIn ? 'ok' : tones[gravity],
    isDoubtful: isSignIn || signal === caep.credentialChange,
  };
}
