/** Cartesia's text to speech on one socket: requests by context, each context for itself. An error ends its context only. */
import { asObject, asText, parseJson, type JsonObject } from '../protocol/json.ts';
import { SpeechContext } from './cartesia-context.ts';
import { badRequest, type CartesiaError, errorMembers } from './cartesia-error.ts';
import { readSpeechRequest, type SpeechRequest } from './cartesia-request.ts';
import type { Dials } from './faults.ts';
import type { Outbox } from './outbox.ts';
import { seeded, type Seeded } from './seeded.ts';
import type { Service, Workplace } from './service-session.ts';

/** Of the largest self-service plan. */
const CONCURRENCY = 15;
/** After its end a context's id cannot be used for so long. */
const EXPIRES_MS = 1000;

export class SpeechService implements Service {
  readonly #workplace: Workplace;
  readonly #dials: Dials;
  readonly #version: string;
  readonly #random: Seeded;
  readonly #contexts = new Map<string, SpeechContext>();
  #chunks = 0;

  constructor(workplace: Workplace, dials: Dials, seed: string, version: string) {
    this.#workplace = workplace;
    this.#dials = dials;
    this.#version = version;
    this.#random = seeded(seed, 'speech');
  }

  text(text: string, now: number): void {
    const event = asObject(parseJson(text));
    if (event === undefined) this.#refuse(null, badRequest('the message is not a JSON object'), now);
    else this.#take(event, now);
  }

  binary(_bytes: Uint8Array, now: number): void {
    this.#refuse(null, badRequest('binary messages are not supported'), now);
  }

  idle(out: Outbox): void {
    out.close(1000, 'connection idle');
  }

  #take(event: JsonObject, now: number): void {
    const id = asText(event['context_id']);
    if (id === undefined || id === '') {
      this.#refuse(null, badRequest('context_id is required'), now);
      return;
    }
    if (event['cancel'] === true) {
      const context = this.#contexts.get(id);
      if (context?.over === false) context.cancel(now);
      return;
    }
    const reading = readSpeechRequest(event, id);
    const error = reading.ok ? this.#problem(reading.request) : reading.error;
    if (!reading.ok || error !== null) {
      this.#refuse(id, error ?? badRequest('unreadable'), now);
      return;
    }
    const context = this.#contexts.get(id) ?? this.#open(reading.request);
    context.add(reading.request, now);
  }

  #problem({ contextId, envelope }: SpeechRequest): CartesiaError | null {
    const context = this.#contexts.get(contextId);
    if (context === undefined) {
      const busy = [...this.#contexts.values()].filter(({ over }) => !over).length;
      if (!this.#dials.faults.rate_limited && busy < CONCURRENCY) return null;
      const message = `At most ${CONCURRENCY} contexts may generate at once`;
      return { status: 429, code: 'concurrency_limited', title: 'Too many requests', message };
    }
    if (context.inputOver) return badRequest('the context is closed: no more text can be added to it');
    if (context.envelope !== envelope)
      return badRequest('model, voice and output_format must be the same in all requests of a context');
    return null;
  }

  #open(request: SpeechRequest): SpeechContext {
    const id = request.contextId;
    const context = new SpeechContext(request, {
      workplace: this.#workplace,
      dials: this.#dials,
      random: this.#random,
      firstChunk: () => this.#firstChunk(),
      ended: (at) => this.#expire(id, at),
    });
    this.#contexts.set(id, context);
    return context;
  }

  #expire(id: string, now: number): void {
    this.#workplace.agenda.add(now + EXPIRES_MS, () => this.#contexts.delete(id));
  }

  #firstChunk() {
    const isFirst = this.#chunks === 0;
    this.#chunks += 1;
    const { malformed_json: malformed, stall, close_1011: close } = this.#dials.faults;
    return {
      malformed: isFirst && malformed,
      stallMs: isFirst ? (stall ?? 0) * 1000 : 0,
      close: isFirst && close,
    };
  }

  #refuse(contextId: string | null, error: CartesiaError, now: number): void {
    const context = this.#contexts.get(contextId ?? '');
    if (contextId !== null && context?.over === false) {
      context.stop();
      this.#expire(contextId, now);
    }
    this.#workplace.out.json({
      type: 'error',
      ...(contextId === null ? {} : { context_id: contextId }),
      done: true,
      ...errorMembers(error, this.#version),
    });
  }
}
