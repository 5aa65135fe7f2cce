/** How far those who read a session folded have listened: the next page goes on from there, not from the beginning. */
import { LIMITS } from '../session/limits.ts';
import type { SessionStore } from '../storage/session-store.ts';
import type { Heard } from './logged-sound.ts';

type Life = SessionStore['life'];

/** In memory, for as long as its recorder is, and the session. */
const known = new WeakMap<Life, readonly Heard[]>();

/** The last place that is not past `seq`; null: whoever reads on from there must listen from the beginning. */
export function heardBefore(life: Life, seq: number): Heard | null {
  const before = known.get(life)?.filter((place) => place.seq <= seq) ?? [];
  return before.reduce<Heard | null>(
    (last, each) => (last === null || each.seq > last.seq ? each : last),
    null,
  );
}

/** Of many the oldest are forgotten. */
export function keepHeard(life: Life, places: readonly Heard[]): void {
  const others = known.get(life)?.filter(({ seq }) => !places.some((place) => place.seq === seq)) ?? [];
  known.set(life, [...others, ...places].slice(-LIMITS.heardPlaces));
}
