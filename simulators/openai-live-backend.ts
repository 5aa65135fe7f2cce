/** The backend of a GPT-Live session: responses to what the voice delegates, one after another, told inside the session. */
import { asObject, asText, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { Agenda } from './agenda.ts';
import type { Amounts } from './ledger.ts';
import type { Item } from './openai-items.ts';
import type { Counted } from './openai-usage.ts';
import type { Problem } from './openai-wire.ts';
import { readInput } from './responses-api-request.ts';
import { chargeOf, type ResponsesHost, ResponsesRun } from './responses-api-run.ts';

const MOST_WAITING = 64;

export interface LiveBackendHost extends Omit<ResponsesHost, 'emit' | 'ended'> {
  tell(delegation: string | null, event: JsonObject): void;
  charge(amounts: Partial<Amounts>): void;
  /** What the voice is to say. */
  answered(text: string): void;
}

export class LiveBackend {
  #config: JsonObject;
  readonly #agenda: Agenda;
  readonly #host: LiveBackendHost;
  readonly #items: Item[] = [];
  readonly #waiting: (string | null)[] = [];
  #run: ResponsesRun | null = null;
  #earlierInput: readonly Counted[] = [];
  #turns = 0;

  constructor(config: JsonObject, agenda: Agenda, host: LiveBackendHost) {
    this.#config = config;
    this.#agenda = agenda;
    this.#host = host;
  }

  configure(config: JsonObject): void {
    this.#config = config;
  }

  add(item: JsonValue): Problem | null {
    const reading = readInput([item], (prefix) => this.#host.id(prefix));
    if ('problem' in reading) return reading.problem;
    this.#items.push(...reading.items);
    return null;
  }

  delegate(delegation: string, task: string): void {
    this.add({ role: 'user', content: task });
    this.respond(delegation);
  }

  /** @param delegation null: the client asks */
  respond(delegation: string | null): Problem | null {
    if (this.#waiting.length >= MOST_WAITING)
      return { code: 'rate_limit_exceeded', message: 'Too many responses wait.', param: null };
    this.#waiting.push(delegation);
    if (this.#run === null) this.#next();
    return null;
  }

  /** Begins no further response. */
  stop(): void {
    this.#waiting.length = 0;
  }

  /** What the response that is being given costs so far. */
  abandon(): Partial<Amounts> {
    return this.#run === null ? {} : chargeOf(this.#run.bill());
  }

  #next(): void {
    const delegation = this.#waiting.shift();
    if (delegation === undefined) return;
    const run = new ResponsesRun(
      {
        ...this.#host,
        emit: (event) => this.#host.tell(delegation, bare(event)),
        ended: (_, bill) => {
          if (bill !== null) this.#host.charge(chargeOf(bill));
          this.#run = null;
        },
      },
      {
        model: asText(this.#config['model']) ?? '',
        config: this.#config,
        input: [...this.#items],
        earlierInput: this.#earlierInput,
        turn: this.#turns++,
      },
    );
    this.#run = run;
    this.#step(run, run.script());
  }

  #step(run: ResponsesRun, script: Generator<number>): void {
    const { done, value } = script.next();
    if (done !== true && !run.done) {
      this.#agenda.add(this.#host.now() + value, () => this.#step(run, script));
      return;
    }
    this.#items.push(...run.output);
    this.#earlierInput = run.input;
    const said = run.output
      .map(({ words }) => words)
      .join(' ')
      .trim();
    if (said !== '') this.#host.answered(said);
    this.#next();
  }
}

/** Inside a session a response is shown without what it was asked, and without what it said. */
function bare(event: JsonObject): JsonObject {
  const response = asObject(event['response']);
  if (response === undefined) return event;
  return { ...event, response: { ...response, instructions: null, tools: [], output: [] } };
}
