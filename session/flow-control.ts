/** Who is behind among the readers of one session: who is waited for, who is suspected, and who is cut. */
import type { Payload } from '../protocol/connect.ts';
import { Flow, type Reader } from './flow.ts';
import type { Limits } from './limits.ts';
import type { Client, Roster } from './roster.ts';
import type { Wire } from './wire.ts';

type FlowWire = Pick<Wire, 'unsentTo' | 'unsentToUpstream' | 'lastPing' | 'holdInput' | 'setDeadline'>;

/** What follows for those who do not keep up. */
export interface Consequences {
  cut(client: Client, bytesBehind: number, now: number): void;
  /** The upstream takes nothing any more. */
  blocked(now: number): void;
}

export class FlowControl {
  readonly #limits: Limits;
  readonly #roster: Roster;
  readonly #wire: FlowWire;
  readonly #then: Consequences;
  readonly #flow: Flow;
  /** A client is suspected, and a hearing is set. */
  #hearing = false;
  /** A client has been sent enough for a look at who is behind. */
  #isDue = false;
  #sentUp = 0;

  constructor(limits: Limits, roster: Roster, wire: FlowWire, then: Consequences) {
    this.#limits = limits;
    this.#roster = roster;
    this.#wire = wire;
    this.#then = then;
    this.#flow = new Flow(limits);
  }

  /** Call before a frame goes to a client. False when the client was cut: its unsent frames would take everybody's memory. */
  keepsUp(client: Client, payload: Payload, now: number): boolean {
    if (!client.backlog.note(lengthOf(payload))) return true;
    this.#isDue = true;
    switch (client.backlog.judge(this.#wire.unsentTo(client.number))) {
      case 'fine':
        return true;
      case 'suspect':
        if (!this.#hearing) this.#wire.setDeadline('hearing', now + this.#limits.clientHearingMs);
        this.#hearing = true;
        return true;
      case 'over':
        this.#cut(client, now);
        return false;
    }
  }

  /** Call after a frame went to the clients. */
  sentDown(now: number): void {
    if (!this.#isDue) return;
    this.#isDue = false;
    if (this.#hearing) this.#trim(now);
    this.#holdFor('clients', now);
  }

  /** Call after a frame went to the upstream. */
  sentUp(payload: Payload, now: number): void {
    this.#sentUp += lengthOf(payload);
    if (this.#sentUp < this.#limits.askUnsentBytes) return;
    this.#sentUp = 0;
    this.#holdFor('upstream', now);
  }

  /** Waits for a reader that cannot keep up, where waiting harms nobody else. */
  #holdFor(reader: Reader, now: number): void {
    if (this.#flow.waitsFor !== null) {
      // In a flood the timer of the hold comes late: the first frame after it does as well.
      this.released(now);
      return;
    }
    const ms = this.#flow.sent(reader, this.#unsent(reader), now);
    if (ms !== null) this.#wire.holdInput(ms);
  }

  /** A hold is over: whoever was waited for has caught up, needs longer, or is cut. */
  released(now: number): void {
    const reader = this.#flow.waitsFor;
    if (reader === null || !this.#flow.isOver(now)) return;
    for (const client of this.#roster.all()) client.backlog.paused();
    const released = this.#flow.released(this.#unsent(reader), now);
    switch (released.kind) {
      case 'go':
        return;
      case 'hold':
        this.#wire.holdInput(released.ms);
        return;
      case 'stalled':
        if (released.reader === 'upstream') this.#then.blocked(now);
        else for (const client of this.#roster.all()) this.#cut(client, now);
    }
  }

  /** The moment that suspected clients had is over. */
  heard(now: number): void {
    this.#hearing = false;
    // While all of them are behind, nobody outruns anybody.
    if (this.#flow.waitsFor === 'clients') return;
    for (const client of this.#roster.all()) {
      const { number, backlog } = client;
      if (backlog.isStillBehind(this.#wire.unsentTo(number), this.#wire.lastPing(number)))
        this.#cut(client, now);
    }
  }

  /** Many clients, each within its own bound, must not take everybody's memory together. */
  #trim(now: number): void {
    const behind = this.#roster
      .all()
      .map((client) => ({ client, unsent: this.#wire.unsentTo(client.number) ?? 0 }))
      .toSorted((a, b) => b.unsent - a.unsent);
    let total = behind.reduce((sum, { unsent }) => sum + unsent, 0);
    for (const { client, unsent } of behind) {
      if (total <= this.#limits.unsentBytes || unsent <= this.#limits.clientBufferedBytes) return;
      this.#cut(client, now);
      total -= unsent;
    }
  }

  #cut(client: Client, now: number): void {
    this.#then.cut(client, client.backlog.total(this.#wire.unsentTo(client.number)), now);
  }

  /** What everybody waits for: of the clients, the one that is furthest ahead counts. */
  #unsent(reader: Reader): number {
    if (reader === 'upstream') return this.#wire.unsentToUpstream();
    let least: number | null = null;
    for (const { number, backlog } of this.#roster.all()) {
      const unsent = backlog.behind(this.#wire.unsentTo(number));
      // Nearly always the first client's: the others need not be asked.
      if (unsent <= this.#limits.holdFromBytes) return unsent;
      least = Math.min(least ?? unsent, unsent);
    }
    return least ?? 0;
  }
}

/** Short of the bytes on the wire where text is not ASCII: near enough to know when to ask for those. */
function lengthOf(payload: Payload): number {
  return typeof payload === 'string' ? payload.length : payload.byteLength;
}
