/**
 * An upstream that is being told the conversation while the one before still relays. It is read with a state of its own,
 * which becomes the session's only if the conversation has not moved on meanwhile.
 */
import type { Payload } from '../protocol/connect.ts';
import type { JsonValue } from '../protocol/json.ts';
import type { Observation } from '../protocol/observations.ts';
import type { Outgoing, ProviderAdapter, Sender } from '../providers/adapter.ts';

const UPSTREAM: Sender = { side: 'upstream' };
const NOTHING: Outgoing = { upstream: [], clients: [] };

export class Successor {
  readonly #adapter: ProviderAdapter;
  /** The conversation that it is told. */
  readonly base: JsonValue;
  #state: JsonValue;
  #restored = false;
  #endsAt: number | null = null;
  /** What clients are told once it takes over. */
  readonly #forClients: Payload[] = [];
  #spent: Observation[] = [];

  constructor(adapter: ProviderAdapter, base: JsonValue) {
    this.#adapter = adapter;
    this.base = base;
    this.#state = base;
  }

  get state(): JsonValue {
    return this.#state;
  }

  get restored(): boolean {
    return this.#restored;
  }

  /** When it will be closed by the provider; null: it did not say. */
  get endsAt(): number | null {
    return this.#endsAt;
  }

  get forClients(): readonly Payload[] {
    return this.#forClients;
  }

  /** What it cost to tell it, since it was asked last: that is owed too if it never takes over. */
  takeSpent(): readonly Observation[] {
    const spent = this.#spent;
    this.#spent = [];
    return spent;
  }

  /** Its socket is open. Returns what it is told first. */
  begin(): readonly Payload[] {
    const { state, send, complete } = this.#adapter.restore(this.base);
    this.#state = state;
    this.#restored = complete;
    return this.#outgoing(send);
  }

  /** One frame of it. Returns what it is told next. */
  read(payload: Payload, now: number): readonly Payload[] {
    const reading = this.#adapter.read(this.#state, UPSTREAM, payload);
    const { state, route, send, restored, expires } = reading;
    for (const each of reading.observations) {
      // The conversation that it is told of goes on meanwhile, and may give the same key to something else.
      if (each.kind === 'usage') this.#spent.push({ ...each, dedupeKey: `${each.dedupeKey} told ${now}` });
    }
    if (expires !== undefined) this.#endsAt = 'atMs' in expires ? expires.atMs : now + expires.inMs;
    this.#state = state;
    if (route === 'across') this.#forClients.push(payload);
    if (restored === true) this.#restored = true;
    return this.#outgoing(send ?? NOTHING);
  }

  #outgoing({ upstream, clients }: Outgoing): readonly Payload[] {
    this.#forClients.push(...clients);
    return upstream;
  }
}
