/**
 * The server's side of a Responses WebSocket. What is known of it is in `openai` 7.57: requests of one `stream_id` (or of
 * none) are answered one after another, those of different ones beside each other, and each can go on from an earlier
 * response. What it says to a frame that is no event, and whether it charges what a lost socket cut off, is not known: errors
 * are taken to be those of the realtime wire, with a status, and what was made to be charged, as there.
 */
import { asArray, asText, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { AgendaSession } from './agenda-session.ts';
import { drawLatencyMs } from './faults.ts';
import { invalidValue, repeated } from './openai-rules.ts';
import type { Problem } from './openai-wire.ts';
import { readInput, readRequest, type StoredResponse } from './responses-api-request.ts';
import { chargeOf, ResponsesRun } from './responses-api-run.ts';

const SESSION_MS = 60 * 60_000;
/** Requests that wait or are answered: not without end. */
const MOST_OPEN = 64;
/** Of earlier ones, and of those of other connections, there is no memory here; the service has one of 30 days. */
const MOST_STORED = 256;
const MOST_STEERED = 16;

interface Lane {
  /** Null: that of requests that name none. */
  readonly stream: string | null;
  waiting: JsonObject[];
  run: ResponsesRun | null;
  /** What was said to the response that runs, for one that follows it. */
  steered: JsonValue[];
}

export class ResponsesApiSession extends AgendaSession {
  readonly #lanes = new Map<string | null, Lane>();
  readonly #stored = new Map<string, StoredResponse>();
  #turns = 0;

  protected opened(): void {
    this.agenda.add(this.now + SESSION_MS, () => this.expired());
  }

  protected heardAudio(): void {
    const message = 'The server could not parse the event: binary messages are not supported.';
    this.#refuse({ code: 'invalid_event', message, param: null }, null);
  }

  protected heardMessage(event: JsonObject | null): void {
    switch (event?.['type']) {
      case 'response.create':
        this.#create(event);
        return;
      case 'response.steer':
        this.#steer(event);
        return;
      default:
        this.#refuse(event === null ? NO_EVENT : unknownType(event['type']), null);
    }
  }

  protected expired(): void {
    const message =
      'Responses websocket connection limit reached (60 minutes). Create a new websocket connection to continue.';
    this.#refuse({ code: 'websocket_connection_limit_reached', message, param: null }, null);
    this.close(1000, '');
  }

  protected override settle(): void {
    for (const { run } of this.#lanes.values()) if (run !== null) this.ledger.charge(chargeOf(run.bill()));
  }

  #refuse(
    { type = 'invalid_request_error', code, message, param }: Problem,
    stream: string | null,
    status = 400,
  ): void {
    this.send({ type: 'error', status, error: { type, code, message, param }, ...named(stream) });
  }

  #create(event: JsonObject): void {
    const stream = asText(event['stream_id']) ?? null;
    const lanes = [...this.#lanes.values()];
    const open = lanes.reduce((sum, { waiting, run }) => sum + waiting.length + (run === null ? 0 : 1), 0);
    if (open >= MOST_OPEN) {
      const problem = {
        code: 'rate_limit_exceeded',
        message: 'Too many responses are in progress.',
        param: null,
      };
      this.#refuse(problem, stream, 429);
      return;
    }
    const lane = this.#lanes.get(stream) ?? { stream, waiting: [], run: null, steered: [] };
    this.#lanes.set(stream, lane);
    lane.waiting.push(event);
    this.#goOn(lane);
  }

  /** The next request of a lane is answered, if none is. */
  #goOn(lane: Lane): void {
    while (lane.run === null && !this.over) {
      const event = lane.waiting.shift();
      if (event === undefined) {
        this.#lanes.delete(lane.stream);
        return;
      }
      const reading = readRequest(event, this.#turns, (id) => this.#stored.get(id), this.#id);
      if (!reading.ok) {
        this.#refuse(reading.problem, lane.stream);
        continue;
      }
      this.#turns += 1;
      const run = new ResponsesRun(this.#host(lane), reading.request);
      lane.run = run;
      this.#step(lane, run, run.script());
    }
  }

  #host(lane: Lane): ConstructorParameters<typeof ResponsesRun>[0] {
    return {
      seed: this.seed,
      speed: this.dials.speed,
      failing: this.dials.faults.rate_limited,
      id: this.#id,
      now: () => this.now,
      latencyMs: () => drawLatencyMs(this.dials, this.random),
      emit: (event, isOutput) => {
        if (isOutput) this.sendOutput({ ...event, ...named(lane.stream) });
        else this.send({ ...event, ...named(lane.stream) });
      },
      ended: (run, bill) => {
        if (bill !== null) this.ledger.charge(chargeOf(bill));
        this.#store(run);
        lane.run = null;
        this.#continue(lane, run);
      },
    };
  }

  #step(lane: Lane, run: ResponsesRun, script: Generator<number>): void {
    const { done, value } = script.next();
    if (done === true || run.done) {
      this.#goOn(lane);
      return;
    }
    this.agenda.add(this.now + value, () => this.#step(lane, run, script));
  }

  #store(run: ResponsesRun): void {
    this.#stored.set(run.id, { items: [...run.request.input, ...run.output], input: run.input });
    const [oldest] = this.#stored.keys();
    if (this.#stored.size > MOST_STORED && oldest !== undefined) this.#stored.delete(oldest);
  }

  /** Input for a response that is being given: a further one takes it up, unasked, as soon as that one is over. */
  #steer(event: JsonObject): void {
    const previous = asText(event['previous_response_id']) ?? '';
    const input = event['input'] ?? null;
    const lane = [...this.#lanes.values()].find(({ run }) => run?.id === previous);
    const steer = { id: this.#id('steer'), previous_response_id: previous };
    const refusal = this.#steerRefusal(lane, previous, input);
    if (lane?.run == null || refusal !== null) {
      const error = { type: 'invalid_request_error', ...refusal };
      const fields = {
        sequence_number: 0,
        steer: { ...steer, input },
        error,
        ...named(lane?.stream ?? null),
      };
      this.send({ type: 'response.steer.failed', ...fields });
      return;
    }
    lane.steered.push(...(asArray(input) ?? [{ role: 'user', content: input }]));
    const fields = { sequence_number: lane.run.sequence(), steer, ...named(lane.stream) };
    this.send({ type: 'response.steer.accepted', ...fields });
  }

  #steerRefusal(lane: Lane | undefined, previous: string, input: JsonValue): JsonObject | null {
    if (lane === undefined) {
      return this.#stored.has(previous)
        ? { code: 'response_already_completed', message: 'The response is over.' }
        : { code: 'response_not_found', message: 'No such response is being given on this connection.' };
    }
    const reading = readInput(input, this.#id);
    if ('problem' in reading) return { code: 'invalid_input', message: reading.problem.message };
    if (lane.steered.length < MOST_STEERED) return null;
    return { code: 'too_many_pending_steers', message: 'Too much input waits for this response.' };
  }

  #continue(lane: Lane, { id, request }: ResponsesRun): void {
    if (lane.steered.length === 0) return;
    lane.waiting.unshift({ ...request.config, previous_response_id: id, input: lane.steered });
    lane.steered = [];
  }

  readonly #id = (prefix: string): string => `${prefix}_${this.random.letters(24).toLowerCase()}`;
}

const NO_EVENT: Problem = {
  code: 'invalid_json',
  message: 'The server could not parse the event: it is not a JSON object.',
  param: null,
};

const unknownType = (type: JsonValue | undefined): Problem =>
  invalidValue(
    'type',
    `Invalid value: '${repeated(type)}'. Supported values are: 'response.create', 'response.steer'.`,
  );

const named = (stream: string | null): JsonObject => (stream === null ? {} : { stream_id: stream });
