/** Plays what was recorded, in its own time. Knows neither clock nor socket: both come with the stage. */
import { Pace } from './pace.ts';

export interface Moment {
  /** ms since the epoch; null: nobody knows any more, and it comes with what was before it. */
  readonly at: number | null;
}

export interface Stage<E extends Moment> {
  now(): number;
  /** Resolves at `at`, or when the replay is over. Events come in batches where they are due together. */
  until(at: number): Promise<void>;
  /** Over, for a reason that lies outside: whoever listened has gone. */
  readonly isOver: boolean;
  /** `meet`: the recording stands still until the other side has done the same. */
  partOf(event: E): 'play' | 'meet' | 'skip';
  /** Resolves when the next event may be played: a reader that is slow is waited for. */
  play(event: E): Promise<void>;
  /** Resolves when the other side has done the same, or the replay is over. */
  meet(event: E): Promise<void>;
}

export interface Range {
  /** How many times faster than it was recorded. */
  readonly speed: number;
  /** ms since the epoch, as recorded; null: from the first event on. */
  readonly from: number | null;
  /** Null: to the end. */
  readonly to: number | null;
}

/** Resolves with the pace when there is nothing more, so that what comes last keeps its time too; null when it was over before. */
export async function play<E extends Moment>(
  events: AsyncIterable<E>,
  { speed, from, to }: Range,
  stage: Stage<E>,
): Promise<Pace | null> {
  const pace = new Pace(speed);
  if (from !== null) pace.hold(from, stage.now());
  for await (const event of events) {
    if (stage.isOver) return null;
    if (from !== null && (event.at ?? from) < from) continue;
    if (to !== null && (event.at ?? to) > to) break;
    switch (stage.partOf(event)) {
      case 'skip':
        break;
      case 'play': {
        const due = event.at === null ? 0 : pace.due(event.at, stage.now());
        if (due > stage.now()) await stage.until(due);
        if (!stage.isOver) await stage.play(event);
        break;
      }
      case 'meet':
        await stage.meet(event);
        if (event.at !== null) pace.hold(event.at, stage.now());
    }
  }
  return stage.isOver ? null : pace;
}
