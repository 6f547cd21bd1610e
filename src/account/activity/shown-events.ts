import { caep, type Gravity, type ShownEventType } from '#audit/module.ts';

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

/** Events that the owner of an account may see, by type; the rest of the catalogue is for others. */
export function toldEvents(catalogue: readonly ShownEventType[]): ReadonlyMap<string, ToldEvent> {
  return new Map(
    catalogue.filter(({ audience }) => audience.includes('person')).map((row) => [row.name, toldEvent(row)]),
  );
}

/** The presentation of an event type on the activity page: its tone, and whether the user can report it. */
export function toldEvent({ name, gravity, caep: signal }: ShownEventType): ToldEvent {
  const isSignIn = signal === caep.sessionEstablished;
  return {
    type: name,
    tone: isSignIn ? 'ok' : tones[gravity],
    isDoubtful: isSignIn || signal === caep.credentialChange,
  };
}
