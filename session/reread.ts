/**
 * Brings what is kept of a session up to its log. A checkpoint is a few seconds old when an object is lost: the items of
 * a conversation that came after it must be told to the next upstream too, and what was charged is in no sum yet.
 */
import type { Payload } from '../protocol/connect.ts';
import type { JsonValue } from '../protocol/json.ts';
import type { Observation } from '../protocol/observations.ts';
import type { LastWords, LogRecord } from '../protocol/recording.ts';
import type { LoggedFrame } from '../protocol/segment.ts';
import type { ProviderAdapter, Sender } from '../providers/adapter.ts';
import type { PriceBasis } from './cost.ts';
import { LIMITS } from './limits.ts';
import { lifeOf } from './open-socket.ts';
import { clientName } from './roster.ts';
import type { Snapshot } from './snapshot.ts';
import { Tally } from './tally.ts';

type ReadFrame = Pick<LoggedFrame, 'direction' | 'client' | 'at' | 'translated'> & {
  readonly seq: number;
  /** Length as it was relayed. */
  readonly bytes: number;
  /** Null where the log does not have it in one piece. */
  readonly payload: Payload | null;
};

export class Reread {
  readonly #adapter: ProviderAdapter;
  readonly #snapshot: Snapshot;
  readonly #tally: Tally;
  #state: JsonValue;
  #onceSent: boolean;
  #failed = false;
  #lastSeq: number;

  constructor(adapter: ProviderAdapter, snapshot: Snapshot, prices: PriceBasis) {
    this.#adapter = adapter;
    this.#snapshot = snapshot;
    this.#tally = new Tally(LIMITS.transcriptCharacters, prices, snapshot.tally);
    this.#state = snapshot.adapter.state;
    this.#onceSent = snapshot.onceSent;
    this.#lastSeq = snapshot.counters.seq;
  }

  /** The next frame of the log. The records that come of it are stored already; the sums are not. */
  frame({ direction, client, payload, translated, seq, at, bytes }: ReadFrame): void {
    this.#lastSeq = seq;
    this.#tally.frame(direction, { bytes, logged: true, redacted: false }, at);
    if (payload === null) return;
    // What went up instead is not in the log; what the provider made of it is.
    if (this.#failed || (direction === 'up' && translated)) return;
    const from: Sender =
      direction === 'down' ? { side: 'upstream' } : { side: 'client', client: clientName(client) ?? '' };
    try {
      if (direction === 'up') this.#onceSent ||= this.#adapter.once?.matches(payload) === true;
      for (const observation of this.#read(from, payload)) this.#tally.observe(observation, seq, at);
    } catch {
      // What was read up to here stands: it is more than the checkpoint knew.
      this.#failed = true;
    }
  }

  #read(from: Sender, payload: Payload): readonly Observation[] {
    const skimmed = this.#adapter.skim?.(this.#state, from, payload) ?? null;
    if (skimmed !== null) return skimmed;
    const { state, observations } = this.#adapter.read(this.#state, from, payload);
    this.#state = state;
    return observations;
  }

  /**
   * Nobody goes on with the session, whose socket was open: what that cost and no frame says, as far as it is known to have
   * been open. Returns the records of it, and the sums.
   */
  conclude(): LastWords {
    const at = this.#tally.lastFrameAt;
    const { socket } = this.#snapshot;
    this.#tally.lost();
    const records: LogRecord[] = [];
    if (socket != null && at !== null && !this.#failed) {
      const life = lifeOf(socket, this.#tally.audioInMs, at);
      for (const observation of this.#adapter.atEnd?.(this.#state, life) ?? []) {
        const record = this.#tally.observe(observation, this.#lastSeq, at);
        if (record !== null) records.push(record);
      }
    }
    return { records, totals: this.#tally.totals() };
  }

  snapshot(): Snapshot {
    const { adapter } = this.#snapshot;
    return {
      ...this.#snapshot,
      adapter: { ...adapter, state: this.#state },
      tally: this.#tally.snapshot(),
      onceSent: this.#onceSent,
    };
  }
}
