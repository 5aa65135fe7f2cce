/** The responses of one session: which run, which of them owns the conversation, and what follows when one ends. */
import type { JsonValue } from '../protocol/json.ts';
import type { Agenda, Task } from './agenda.ts';
import { drawLatencyMs, type Dials } from './faults.ts';
import type { Charges } from './openai-charges.ts';
import type { Conversation } from './openai-conversation.ts';
import { RateLimit } from './openai-rate-limit.ts';
import { ResponseRun, type ResponseHost, type ResponseRequest } from './openai-response.ts';
import { type Bill, type Counted, totalTokens } from './openai-usage.ts';
import type { OpenAiWire, Problem } from './openai-wire.ts';
import { seeded, type Seeded } from './seeded.ts';

/** Observed between `response.done` and `rate_limits.updated`. */
const RATE_LIMITS_AFTER_MS = 43;
/** Out-of-band responses may run in parallel, but not without end. */
const MOST_RUNNING = 64;

interface Surroundings {
  readonly seed: string;
  readonly dials: Dials;
  readonly wire: OpenAiWire;
  readonly agenda: Agenda;
  readonly conversation: Conversation;
  /** The time of what is being done. */
  readonly now: () => number;
  readonly finished: (run: ResponseRun) => void;
  readonly charges: Charges;
}

export class Responses {
  /** Audio has gone out, so the voice may not change. */
  spoken = false;
  /** Begun so far. */
  count = 0;
  readonly #around: Surroundings;
  readonly #latency: Seeded;
  readonly #limit = new RateLimit();
  readonly #running = new Map<ResponseRun, Task | null>();
  #stalled = false;
  #earlierInput: readonly Counted[] = [];

  constructor(around: Surroundings) {
    this.#around = around;
    this.#latency = seeded(around.seed, 'latency');
  }

  /** The response that writes to the conversation, if one runs. */
  active(): ResponseRun | undefined {
    return [...this.#running.keys()].find((run) => run.request.inConversation);
  }

  /** The one named, or the active one when none is. */
  find(id: JsonValue | undefined): ResponseRun | undefined {
    return id === undefined ? this.active() : [...this.#running.keys()].find((run) => run.id === id);
  }

  /** Why the response may not begin now, or null. */
  refusal(request: ResponseRequest): Problem | null {
    const active = this.active();
    if (request.inConversation && active !== undefined) {
      const message = `Conversation already has an active response in progress: ${active.id}. Wait until the response is finished before creating a new one.`;
      return { code: 'conversation_already_has_active_response', message, param: null };
    }
    if (this.#running.size < MOST_RUNNING) return null;
    return { code: 'rate_limit_exceeded', message: 'Too many responses are in progress.', param: null };
  }

  start(request: ResponseRequest, now: number): void {
    this.count++;
    const run = new ResponseRun(this.#host(), request);
    this.#running.set(run, null);
    this.#step(run, run.script(), now);
  }

  #step(run: ResponseRun, script: Generator<number>, now: number): void {
    if (run.done) return;
    const { done, value } = script.next();
    if (run.audioMs > 0) this.spoken = true;
    if (done === true || run.done) return;
    this.#running.set(
      run,
      this.#around.agenda.add(now + value, (at) => this.#step(run, script, at)),
    );
  }

  #host(): ResponseHost {
    const { wire, conversation, seed, dials } = this.#around;
    return {
      wire,
      conversation,
      seed,
      speed: dials.speed,
      earlierInput: this.#earlierInput,
      failing: dials.faults.rate_limited,
      latencyMs: () => drawLatencyMs(dials, this.#latency),
      afterFirstDelta: () => this.#afterFirstDelta(),
      finished: (run, bill) => this.#finished(run, bill),
      sounded: (ms) => this.#around.charges.sound(ms),
    };
  }

  #afterFirstDelta(): number {
    const { wire, dials } = this.#around;
    const { duplicate_event: duplicate, close_1011: close, stall } = dials.faults;
    if (duplicate) wire.repeat();
    if (close) wire.close(1011, 'The server had an error while processing your request.');
    if (stall === null || this.#stalled) return 0;
    this.#stalled = true;
    return stall * 1000;
  }

  /** The socket is over: responses in progress are charged as far as they have come, and nobody is told. */
  abandon(): void {
    for (const run of this.#running.keys()) this.#around.charges.response(run.bill());
    this.#running.clear();
  }

  #finished(run: ResponseRun, bill: Bill | null): void {
    const { agenda, wire, finished } = this.#around;
    const now = this.#around.now();
    agenda.remove(this.#running.get(run) ?? null);
    this.#running.delete(run);
    // A response out of band has a context of its own; it neither fills nor spoils the conversation's cache.
    if (run.request.inConversation) this.#earlierInput = run.input;
    if (bill !== null) this.#around.charges.response(bill);
    this.#limit.spend(totalTokens(bill), now);
    agenda.add(now + RATE_LIMITS_AFTER_MS, (at) => {
      wire.event('rate_limits.updated', { rate_limits: [this.#limit.shown(at)] });
    });
    finished(run);
  }
}

export function cancelResponse(run: ResponseRun, reason: 'turn_detected' | 'client_cancelled'): void {
  run.finish('cancelled', { type: 'cancelled', reason });
}
