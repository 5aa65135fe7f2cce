/** fal's two wires on one socket each. */
import { asObject, type JsonObject, type JsonValue, parseJson } from '../protocol/json.ts';
import { answerOf, type BodyPart, packedPicture, promptOf } from './fal-answers.ts';
import { type Dials, drawLatencyMs } from './faults.ts';
import { decodeMsgpack, encodeMsgpack, type Packed } from './msgpack.ts';
import type { Outbox } from './outbox.ts';
import { seeded, type Seeded } from './seeded.ts';
import type { Service, Workplace } from './service-session.ts';

export interface FalSetup {
  readonly workplace: Workplace;
  readonly dials: Dials;
  readonly seed: string;
  readonly model: string;
}

const SEEDS = 1_000_000;

/** Said before an idle socket is closed; fal's client takes it for no error. */
function sayTimeout(out: Outbox): void {
  out.json({ type: 'x-fal-error', error: 'TIMEOUT', reason: 'no inputs, reconnect when needed!' });
  out.close(1000, '');
}

/** HTTP over WebSocket: one request after the other, each answered by `start`, its body, and `end`. */
export class HttpService implements Service {
  readonly #setup: FalSetup;
  readonly #random: Seeded;
  #waiting: (JsonObject | null)[] = [];
  #busy = false;
  #answers = 0;

  constructor(setup: FalSetup) {
    this.#setup = setup;
    this.#random = seeded(setup.seed, 'http');
  }

  text(text: string, now: number): void {
    this.#waiting.push(asObject(parseJson(text)) ?? null);
    if (!this.#busy) this.#next(now);
  }

  /** A body that is not JSON is refused like any other. */
  binary(_bytes: Uint8Array, now: number): void {
    this.#waiting.push(null);
    if (!this.#busy) this.#next(now);
  }

  idle(out: Outbox): void {
    sayTimeout(out);
  }

  #next(now: number): void {
    const request = this.#waiting.shift();
    this.#busy = request !== undefined;
    if (request === undefined) return;
    const { workplace, dials, model } = this.#setup;
    const id = this.#random.letters(24);
    const seed = this.#random.below(SEEDS);
    const latencyMs = drawLatencyMs(dials, this.#random);
    const prompt = request === null ? undefined : promptOf(request);
    workplace.agenda.add(now + latencyMs, (at) => {
      if (dials.faults.rate_limited) this.#refuse(id, 429, 'Too many requests', at);
      else if (request === null) this.#refuse(id, 422, 'the body is not a JSON object', at);
      else if (prompt === undefined) this.#refuse(id, 422, 'field required: prompt', at);
      else this.#answer(id, answerOf(model, prompt, seed), latencyMs, at);
    });
  }

  #refuse(id: string, status: number, message: string, at: number): void {
    const { out } = this.#setup.workplace;
    const detail = [{ loc: ['body', 'prompt'], msg: message, type: 'value_error' }];
    out.json({ type: 'start', request_id: id, status, headers: { 'content-type': 'application/json' } });
    out.json({ detail });
    this.#end(id, status, 0, at);
  }

  #answer(
    id: string,
    { contentType, parts }: { readonly contentType: string; readonly parts: Iterable<BodyPart> },
    latencyMs: number,
    at: number,
  ): void {
    const { workplace, dials } = this.#setup;
    const isFirst = this.#answers === 0;
    this.#answers += 1;
    const start = JSON.stringify({
      type: 'start',
      request_id: id,
      status: 200,
      headers: { 'content-type': contentType },
    });
    workplace.ledger.charge({ requests: 1 });
    if (isFirst && dials.faults.malformed_json) workplace.out.text(start.slice(0, start.length >> 1));
    workplace.out.text(start);
    const iterator = parts[Symbol.iterator]();
    const step = (now: number, isFirstPart: boolean): void => {
      const next = iterator.next();
      if (next.done === true) {
        this.#end(id, 200, latencyMs, now);
        return;
      }
      this.#part(next.value.payload);
      if (isFirstPart && dials.faults.duplicate_event) this.#part(next.value.payload);
      if (isFirstPart && isFirst && dials.faults.close_1011) workplace.out.close(1011, 'internal error');
      const stallMs = isFirstPart && isFirst ? (dials.faults.stall ?? 0) * 1000 : 0;
      workplace.agenda.add(now + next.value.afterMs / dials.speed + stallMs, (later) => step(later, false));
    };
    step(at, true);
  }

  #part(payload: JsonValue | Uint8Array): void {
    const { out } = this.#setup.workplace;
    if (payload instanceof Uint8Array) out.binary(payload);
    else out.text(JSON.stringify(payload));
  }

  #end(id: string, status: number, firstByteMs: number, now: number): void {
    this.#setup.workplace.out.json({
      type: 'end',
      request_id: id,
      status,
      time_to_first_byte_seconds: firstByteMs / 1000,
    });
    this.#next(now);
  }
}

/** The realtime wire: MessagePack both ways. The service also takes JSON; errors are JSON, and close. */
export class RealtimeService implements Service {
  readonly #setup: FalSetup;
  readonly #random: Seeded;

  constructor(setup: FalSetup) {
    this.#setup = setup;
    this.#random = seeded(setup.seed, 'realtime');
  }

  text(text: string, now: number): void {
    this.#take(asObject(parseJson(text)), now);
  }

  binary(bytes: Uint8Array, now: number): void {
    const value = decodeMsgpack(bytes);
    // What is neither a list, bytes nor a scalar is a map; its members are looked at one by one.
    const isMap =
      typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
    const prompt = isMap ? (value as { readonly [key: string]: Packed })['prompt'] : undefined;
    this.#take(isMap ? (typeof prompt === 'string' ? { prompt } : {}) : undefined, now);
  }

  idle(out: Outbox): void {
    sayTimeout(out);
  }

  #take(request: JsonObject | undefined, now: number): void {
    const { workplace, dials } = this.#setup;
    const prompt = request === undefined ? undefined : promptOf(request);
    if (dials.faults.rate_limited) return this.#fail('RATE_LIMITED', 'too many requests');
    if (request === undefined) return this.#fail('INVALID_INPUT', 'the message is not a map');
    if (prompt === undefined) return this.#fail('INVALID_INPUT', 'field required: prompt');
    workplace.ledger.charge({ requests: 1 });
    const result = packedPicture(prompt, this.#random.below(SEEDS), this.#random.letters(24));
    workplace.agenda.add(now + drawLatencyMs(dials, this.#random), () => {
      workplace.out.binary(encodeMsgpack(result));
      if (dials.faults.duplicate_event) workplace.out.binary(encodeMsgpack(result));
      if (dials.faults.close_1011) workplace.out.close(1011, 'internal error');
    });
  }

  #fail(error: string, reason: string): void {
    this.#setup.workplace.out.json({ type: 'x-fal-error', error, reason });
    this.#setup.workplace.out.close(1000, '');
  }
}
