/** The server's side of one ElevenLabs socket: frames, the faults that happen to them, and what is due later. */
import { asObject, type JsonObject, parseJson } from '../protocol/json.ts';
import type { Payload } from '../providers/adapter.ts';
import { Agenda, type Task } from './agenda.ts';
import { type Dials, drawLatencyMs } from './faults.ts';
import { type Charged, Ledger } from './ledger.ts';
import { Outbox } from './outbox.ts';
import { seeded, type Seeded } from './seeded.ts';
import type { SimulatedSession, SimulatorOutput } from './simulator.ts';

export class Line extends Outbox {
  now = 0;
  readonly dials: Dials;
  readonly seed: string;
  readonly agenda = new Agenda();
  readonly ledger = new Ledger();
  readonly #ids: Seeded;
  readonly #latency: Seeded;
  #isFirst = true;
  #stallMs: number;
  #malformed: boolean;

  constructor(seed: string, dials: Dials) {
    super();
    this.seed = seed;
    this.dials = dials;
    this.#ids = seeded(seed, 'ids');
    this.#latency = seeded(seed, 'latency');
    this.#stallMs = (dials.faults.stall ?? 0) * 1000;
    this.#malformed = dials.faults.malformed_json;
  }

  id(prefix: string): string {
    return `${prefix}_${this.#ids.letters(24)}`;
  }

  latencyMs(): number {
    return drawLatencyMs(this.dials, this.#latency);
  }

  /** For how long the very first answer pauses after its first frame; once. */
  takeStallMs(): number {
    const ms = this.#stallMs;
    this.#stallMs = 0;
    return ms;
  }

  after(ms: number, run: (at: number) => void): Task {
    return this.agenda.add(this.now + ms, run);
  }

  send(event: JsonObject): void {
    if (this.closed) return;
    this.json(event);
    if (!this.#isFirst) return;
    this.#isFirst = false;
    if (this.dials.faults.binary_frame) this.binary(new TextEncoder().encode('{"type":"binary"}'));
  }

  /** The frame with which an answer begins: what faults strike. */
  sendFirst(event: JsonObject): void {
    if (this.closed) return;
    if (this.#malformed) {
      const text = JSON.stringify(event);
      this.text(text.slice(0, text.length >> 1));
      this.#malformed = false;
    }
    this.send(event);
    if (this.dials.faults.duplicate_event) this.send(event);
    if (this.dials.faults.close_1011) this.close(1011, 'Internal server error');
  }
}

/** One of ElevenLabs' products, behind a line. */
export interface Product {
  open(): void;
  receive(event: JsonObject): void;
  /** A frame that is no JSON object in text. */
  receiveGarbage(): void;
  /** The socket is over: what is charged then. */
  settle?(openMs: number): void;
}

export class ElevenLabsSession implements SimulatedSession {
  readonly #line: Line;
  readonly #product: Product;
  #openedAt = 0;

  constructor(line: Line, product: Product) {
    this.#line = line;
    this.#product = product;
  }

  open(now: number): readonly SimulatorOutput[] {
    this.#line.now = now;
    this.#openedAt = now;
    const dropAfter = this.#line.dials.faults.drop_after;
    if (dropAfter !== null) this.#line.after(dropAfter * 1000, () => this.#line.drop());
    this.#product.open();
    return this.#flush();
  }

  receive(payload: Payload, now: number): readonly SimulatorOutput[] {
    this.#runDue(now);
    this.#line.now = now;
    const event = typeof payload === 'string' ? asObject(parseJson(payload)) : undefined;
    if (!this.#line.closed) {
      if (event === undefined) this.#product.receiveGarbage();
      else this.#product.receive(event);
    }
    return this.#flush();
  }

  due(): number | null {
    return this.#line.closed ? null : this.#line.agenda.due();
  }

  advance(now: number): readonly SimulatorOutput[] {
    this.#runDue(now);
    return this.#flush();
  }

  get charged(): Charged {
    return this.#line.ledger.charged;
  }

  closed(now: number): void {
    this.#product.settle?.(now - this.#openedAt);
    this.#line.closed = true;
    this.#line.agenda.clear();
  }

  #runDue(now: number): void {
    for (;;) {
      const task = this.#line.closed ? null : this.#line.agenda.take(now);
      if (task === null) return;
      this.#line.now = task.at;
      task.run(task.at);
    }
  }

  #flush(): readonly SimulatorOutput[] {
    if (this.#line.closed) this.#line.agenda.clear();
    return this.#line.take();
  }
}
