/**
 * Brings what is kept of a session up to its log. A checkpoint is a few seconds old when an object is lost, and the items of
 * a conversation that came after it must be told to the next upstream too.
 */
import type { JsonValue } from '../protocol/json.ts';
import type { LoggedFrame } from '../protocol/segment.ts';
import type { ProviderAdapter, Sender } from '../providers/adapter.ts';
import { clientName } from './roster.ts';
import type { Snapshot } from './snapshot.ts';

type ReadFrame = Pick<LoggedFrame, 'direction' | 'client' | 'payload' | 'translated'>;

export class Reread {
  readonly #adapter: ProviderAdapter;
  readonly #snapshot: Snapshot;
  #state: JsonValue;
  #onceSent: boolean;
  #failed = false;

  constructor(adapter: ProviderAdapter, snapshot: Snapshot) {
    this.#adapter = adapter;
    this.#snapshot = snapshot;
    this.#state = snapshot.adapter.state;
    this.#onceSent = snapshot.onceSent;
  }

  /** The next frame of the log. What it says of usage and turns is on record already. */
  frame({ direction, client, payload, translated }: ReadFrame): void {
    // What went up instead is not in the log; what the provider made of it is.
    if (this.#failed || (direction === 'up' && translated)) return;
    const from: Sender =
      direction === 'down' ? { side: 'upstream' } : { side: 'client', client: clientName(client) ?? '' };
    try {
      if (direction === 'up') this.#onceSent ||= this.#adapter.once?.matches(payload) === true;
      if ((this.#adapter.skim?.(this.#state, from, payload) ?? null) !== null) return;
      this.#state = this.#adapter.read(this.#state, from, payload).state;
    } catch {
      // What was read up to here stands: it is more than the checkpoint knew.
      this.#failed = true;
    }
  }

  snapshot(): Snapshot {
    const { adapter } = this.#snapshot;
    return { ...this.#snapshot, adapter: { ...adapter, state: this.#state }, onceSent: this.#onceSent };
  }
}
