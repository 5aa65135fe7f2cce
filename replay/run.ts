/** One run of a conversation, the recorded one or the one of now: how far it has come, as the adapter reads it. */
import type { JsonValue } from '../protocol/json.ts';
import type { ConnectRequest, Payload } from '../protocol/connect.ts';
import type { ProviderAdapter, Sender } from '../providers/adapter.ts';
import { MadeIds } from './made-ids.ts';

const CLIENT: Sender = { side: 'client', client: 'c1' };
const UPSTREAM: Sender = { side: 'upstream' };

export class Run {
  readonly #adapter: ProviderAdapter;
  #state: JsonValue;
  readonly ids: MadeIds;
  /** Frames of the provider. */
  heard = 0;
  /** Responses. */
  started = 0;
  ended = 0;

  /** @param mostIds how many ids are remembered */
  constructor(adapter: ProviderAdapter, request: ConnectRequest, mostIds: number) {
    this.#adapter = adapter;
    this.#state = adapter.begin(request);
    this.ids = new MadeIds(mostIds);
  }

  get owes(): boolean {
    return this.#adapter.owes(this.#state);
  }

  sent(payload: Payload): void {
    this.#read(CLIENT, payload);
  }

  came(payload: Payload): void {
    this.heard += 1;
    for (const id of this.#adapter.madeIds?.(payload) ?? []) this.ids.add(id);
    this.#read(UPSTREAM, payload);
  }

  /** Responses that will not come any more are taken as done, so that nobody waits for them twice. */
  giveUpOn(recorded: Run): void {
    this.heard = Math.max(this.heard, recorded.heard);
    this.started = Math.max(this.started, recorded.started);
    this.ended = Math.max(this.ended, recorded.ended);
  }

  #read(from: Sender, payload: Payload): void {
    let observations = this.#adapter.skim?.(this.#state, from, payload) ?? null;
    if (observations === null) {
      const reading = this.#adapter.read(this.#state, from, payload);
      this.#state = reading.state;
      ({ observations } = reading);
    }
    for (const { kind } of observations) {
      if (kind === 'response.started') this.started += 1;
      if (kind === 'response.ended') this.ended += 1;
    }
  }
}

/**
 * How far `live` is against `recorded` where the client's next frame stands, which had been answered so far:
 *
 * - `even`: as far, or further.
 * - `busy`: an answer is under way that was over in the record.
 * - `unanswered`: an answer of the record has not begun yet, and nothing says that it will.
 */
export function standing(live: Run, recorded: Run): 'even' | 'busy' | 'unanswered' {
  if (!recorded.owes && live.owes) return 'busy';
  const isShort =
    (recorded.heard > 0 && live.heard === 0) ||
    live.started < recorded.started ||
    live.ended < recorded.ended;
  if (!isShort) return 'even';
  return live.started > live.ended ? 'busy' : 'unanswered';
}
