/** Reads frames with an adapter, one after the other, and keeps what was observed. */
import type { JsonValue } from '../../protocol/json.ts';
import type { Observation } from '../../protocol/observations.ts';
import type { ConnectRequest, Payload, ProviderAdapter, Sender } from '../../providers/adapter.ts';
import { type Fixture, payloadOf, senderOf } from '../contract/provider-contract.ts';

export const CLIENT: Sender = { side: 'client', client: 'c1' };
export const UPSTREAM: Sender = { side: 'upstream' };

export class AdapterReader<S extends JsonValue> {
  state: S;
  readonly observed: Observation[] = [];
  readonly #adapter: ProviderAdapter<S>;

  /** From a session that has been opened. */
  constructor(adapter: ProviderAdapter<S>, request: ConnectRequest) {
    this.#adapter = adapter;
    this.state = adapter.restore(adapter.begin(request)).state;
  }

  client(payload: Payload): this {
    return this.#read(CLIENT, payload);
  }

  upstream(payload: Payload): this {
    return this.#read(UPSTREAM, payload);
  }

  fixture(fixtures: readonly Fixture[], name: string): this {
    for (const frame of fixtures.find((each) => each.name === name)?.frames ?? [])
      this.#read(senderOf(frame), payloadOf(frame));
    return this;
  }

  of<K extends Observation['kind']>(kind: K): Extract<Observation, { kind: K }>[] {
    // The filter is what narrows it.
    return this.observed.filter((each) => each.kind === kind) as Extract<Observation, { kind: K }>[];
  }

  get owes(): boolean {
    return this.#adapter.owes(this.state);
  }

  #read(from: Sender, payload: Payload): this {
    const reading = this.#adapter.read(this.state, from, payload);
    this.state = reading.state;
    this.observed.push(...reading.observations);
    return this;
  }
}

/** A frame of an adapter's own making, which is JSON. */
export function parsed(frame: Payload | null | undefined): JsonValue {
  if (typeof frame !== 'string') throw new Error('not text');
  return JSON.parse(frame) as JsonValue; // JSON.parse returns what a JsonValue is
}
