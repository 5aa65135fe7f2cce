/** The life of a simulated socket that is closed when it is idle: its frames go to a service, and its time to an agenda. */
import type { Payload } from '../providers/adapter.ts';
import { Agenda, type Task } from './agenda.ts';
import type { Faults } from './faults.ts';
import { type Charged, Ledger } from './ledger.ts';
import { Outbox } from './outbox.ts';
import type { SimulatedSession, SimulatorOutput } from './simulator.ts';

/** What a provider makes of frames. It answers through the outbox, and goes on by the agenda. */
export interface Service {
  greet?(now: number): void;
  text(text: string, now: number): void;
  binary(bytes: Uint8Array, now: number): void;
  /** Nothing came for the idle time; the socket is closed after it. */
  idle(out: Outbox): void;
}

export interface Workplace {
  readonly out: Outbox;
  readonly agenda: Agenda;
  readonly ledger: Ledger;
}

export class ServiceSession implements SimulatedSession {
  readonly #out = new Outbox();
  readonly #agenda = new Agenda();
  readonly #ledger = new Ledger();
  readonly #service: Service;
  readonly #faults: Readonly<Faults>;
  readonly #idleMs: number;
  #idle: Task | null = null;

  /** `session_expired_after` stands in for the provider's idle time. */
  constructor(idleMs: number, faults: Readonly<Faults>, service: (workplace: Workplace) => Service) {
    this.#idleMs = faults.session_expired_after === null ? idleMs : faults.session_expired_after * 1000;
    this.#faults = faults;
    this.#service = service({ out: this.#out, agenda: this.#agenda, ledger: this.#ledger });
  }

  open(now: number): readonly SimulatorOutput[] {
    this.#service.greet?.(now);
    if (this.#faults.binary_frame) this.#out.binary(new TextEncoder().encode('{"type":"binary"}'));
    const { drop_after: dropAfter } = this.#faults;
    if (dropAfter !== null) this.#agenda.add(now + dropAfter * 1000, () => this.#out.drop());
    this.#startIdle(now);
    return this.#out.take();
  }

  receive(payload: Payload, now: number): readonly SimulatorOutput[] {
    this.#runDue(now);
    if (!this.#out.closed) {
      this.#startIdle(now);
      if (typeof payload === 'string') this.#service.text(payload, now);
      else this.#service.binary(new Uint8Array(payload), now);
    }
    return this.#out.take();
  }

  due(): number | null {
    return this.#out.closed ? null : this.#agenda.due();
  }

  advance(now: number): readonly SimulatorOutput[] {
    this.#runDue(now);
    return this.#out.take();
  }

  get charged(): Charged {
    return this.#ledger.charged;
  }

  closed(): void {
    this.#out.closed = true;
    this.#agenda.clear();
  }

  #startIdle(now: number): void {
    this.#agenda.remove(this.#idle);
    this.#idle = this.#agenda.add(now + this.#idleMs, () => this.#service.idle(this.#out));
  }

  #runDue(now: number): void {
    for (;;) {
      const task = this.#out.closed ? null : this.#agenda.take(now);
      if (task === null) return;
      task.run(task.at);
    }
  }
}
