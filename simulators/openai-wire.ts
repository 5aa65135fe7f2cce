/** The server's side of one OpenAI Realtime socket: events with their ids, and the faults that happen to frames. */
import type { JsonObject, JsonValue } from '../protocol/json.ts';
import type { Dials } from './faults.ts';
import type { Variant } from './openai-variant.ts';
import { Outbox } from './outbox.ts';
import { seeded, type Seeded } from './seeded.ts';

/** What the service says of a client event that it refuses. */
export interface Problem {
  readonly code: string | null;
  readonly message: string;
  readonly param: string | null;
  readonly type?: string;
}

export class OpenAiWire extends Outbox {
  readonly #ids: Seeded;
  readonly #padding: Seeded;
  readonly #dials: Dials;
  readonly #variant: Variant;
  #malformed = false;

  constructor(seed: string, dials: Dials, variant: Variant) {
    super();
    this.#ids = seeded(seed, 'ids');
    this.#padding = seeded(seed, 'padding');
    this.#dials = dials;
    this.#variant = variant;
  }

  /** A new id, such as `item_` and 21 letters. */
  id(prefix: string): string {
    return `${prefix}_${this.#ids.letters(21)}`;
  }

  /** Random text that hides the length of a delta, as the service sends it. */
  obfuscation(): string {
    return this.#padding.letters(4 + this.#padding.below(12));
  }

  event(type: string, fields: JsonObject): void {
    if (this.closed) return;
    const event = this.#variant.outgoing({ type, event_id: this.id('event'), ...fields });
    if (event === null) return;
    const frame = JSON.stringify(event);
    if (this.#dials.faults.malformed_json && !this.#malformed && type === 'response.created') {
      this.#malformed = true;
      this.text(frame.slice(0, frame.length >> 1));
    }
    this.text(frame);
  }

  error(problem: Problem, clientEventId: JsonValue): void {
    const { code, message, param, type = 'invalid_request_error' } = problem;
    this.event('error', { error: { type, code, message, param, event_id: clientEventId } });
  }
}
