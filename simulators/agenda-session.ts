/** What the simulated sessions of frames in JSON and audio in binary have in common: an agenda, and the faults of any socket. */
import { asObject, type JsonObject, parseJson } from '../protocol/json.ts';
import type { Payload } from '../providers/adapter.ts';
import { Agenda } from './agenda.ts';
import type { Dials, Faults } from './faults.ts';
import { type Charged, Ledger } from './ledger.ts';
import { seeded, type Seeded } from './seeded.ts';
import type { SimulatedSession, SimulatorOutput } from './simulator.ts';

/** Faults that do not happen here; asking for one is refused, so that no test waits for it in vain. */
const OTHER_FAULTS: readonly (keyof Faults)[] = ['stall', 'rate_limited'];

/** The fault that was asked for and does not exist here, or null. @param others those that do not */
export function unknownFault({ faults }: Dials, others = OTHER_FAULTS): string | null {
  return others.find((name) => faults[name] !== false && faults[name] !== null) ?? null;
}

export abstract class AgendaSession implements SimulatedSession {
  protected readonly agenda = new Agenda();
  protected readonly dials: Dials;
  protected readonly random: Seeded;
  protected readonly seed: string;
  protected readonly ledger = new Ledger();
  /** The time of what is being done. */
  protected now = 0;
  protected over = false;
  #outputs: SimulatorOutput[] = [];
  #sent = 0;
  #openedAt = 0;
  #outputSent = false;

  constructor(seed: string, dials: Dials) {
    this.seed = seed;
    this.dials = dials;
    this.random = seeded(seed, 'ids');
  }

  protected abstract opened(): void;
  protected abstract heardAudio(bytes: Uint8Array): void;
  /** A text frame; `message` is null when it is no JSON object. */
  protected abstract heardMessage(message: JsonObject | null): void;
  /** The longest time for which a session may be open is over. */
  protected abstract expired(): void;

  open(now: number): readonly SimulatorOutput[] {
    this.now = now;
    this.#openedAt = now;
    const { drop_after: dropAfter, session_expired_after: expiresAfter } = this.dials.faults;
    if (dropAfter !== null) this.agenda.add(now + dropAfter * 1000, () => this.#end({ kind: 'drop' }));
    if (expiresAfter !== null) this.agenda.add(now + expiresAfter * 1000, () => this.expired());
    this.opened();
    return this.#flush();
  }

  receive(payload: Payload, now: number): readonly SimulatorOutput[] {
    this.#runDue(now);
    this.now = now;
    if (!this.over) {
      if (typeof payload === 'string') this.heardMessage(asObject(parseJson(payload)) ?? null);
      else this.heardAudio(new Uint8Array(payload));
    }
    return this.#flush();
  }

  due(): number | null {
    return this.over ? null : this.agenda.due();
  }

  advance(now: number): readonly SimulatorOutput[] {
    this.#runDue(now);
    return this.#flush();
  }

  get charged(): Charged {
    return this.ledger.charged;
  }

  closed(now: number): void {
    this.settle(now - this.#openedAt);
    this.over = true;
    this.agenda.clear();
  }

  /** What is charged when the socket is over. */
  protected settle(_openMs: number): void {
    // Most services charge as they go.
  }

  protected send(message: JsonObject): void {
    if (this.over) return;
    const text = JSON.stringify(message);
    // Not the first frame: that one opens the session, and clients wait for it.
    if (this.dials.faults.malformed_json && this.#sent === 1) this.#put(text.slice(0, text.length >> 1));
    this.#put(text);
    this.#sent += 1;
    if (this.dials.faults.binary_frame && this.#sent === 1)
      this.#put(new Uint8Array(new TextEncoder().encode(text)).buffer);
  }

  /** A frame that answers what the client came for: the first one meets the faults that spoil it. */
  protected sendOutput(message: JsonObject | Uint8Array): void {
    if (this.over) return;
    // A copy, so that the ArrayBuffer holds these bytes and no others.
    if (message instanceof Uint8Array) this.#put(new Uint8Array(message).buffer);
    else this.send(message);
    if (this.#outputSent) return;
    this.#outputSent = true;
    const last = this.#outputs.at(-1);
    if (this.dials.faults.duplicate_event && last !== undefined) this.#outputs.push(last);
    if (this.dials.faults.close_1011) this.failed();
  }

  /** The service fails by itself. */
  protected failed(): void {
    this.close(1011, 'internal error');
  }

  protected close(code: number, reason: string): void {
    this.#end({ kind: 'close', code, reason });
  }

  /** An id in the form of a UUID. */
  protected uuid(): string {
    const hex = (length: number): string =>
      Array.from({ length }, () => this.random.below(16).toString(16)).join('');
    return `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`;
  }

  #put(payload: Payload): void {
    this.#outputs.push({ kind: 'send', payload });
  }

  #end(output: SimulatorOutput): void {
    if (!this.over) this.#outputs.push(output);
    this.over = true;
    this.agenda.clear();
  }

  #runDue(now: number): void {
    for (;;) {
      const task = this.over ? null : this.agenda.take(now);
      if (task === null) return;
      this.now = task.at;
      task.run(task.at);
    }
  }

  #flush(): readonly SimulatorOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }
}
