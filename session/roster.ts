/** The clients of one session: who is attached, in which role, and how far behind. */
import type { Role } from '../protocol/connect.ts';
import type { Sender, Translation } from '../providers/adapter.ts';
import { Backlog, type BacklogLimits } from './backlog.ts';

export interface Client {
  /** Counts the clients of a session from 1; 0 stands for none. */
  readonly number: number;
  readonly role: Role;
  /** Null: it speaks the provider's own wire. */
  readonly translation: Translation | null;
  /** What it calls itself, so that it is known when it comes back. */
  readonly name: string | null;
  /** It asked for the control channel. */
  readonly control: boolean;
  readonly backlog: Backlog;
  /** As the adapter knows it; made once, since every frame needs it. */
  readonly sender: Sender;
}

/** How a client introduced itself. */
export type Introduction = Pick<Client, 'name' | 'control'>;

const STRANGER: Introduction = { name: null, control: false };

export class Roster {
  readonly #limits: BacklogLimits;
  readonly #clients = new Map<number, Client>();
  /** The same, for the loop that every upstream frame goes through. */
  #all: readonly Client[] = [];
  #last: number;

  /** @param last the number of the last client that there had been before */
  constructor(limits: BacklogLimits, last = 0) {
    this.#limits = limits;
    this.#last = last;
  }

  /** The number of the last client that came. */
  get last(): number {
    return this.#last;
  }

  get size(): number {
    return this.#clients.size;
  }

  /** The first client controls the session unless its token says otherwise; later ones speak. */
  add(role: Role | null, translation: Translation | null, now: number, as: Introduction = STRANGER): Client {
    this.#last += 1;
    return this.again(
      this.#last,
      role ?? (this.#last === 1 ? 'controller' : 'speaker'),
      translation,
      now,
      as,
    );
  }

  /** A client whose socket outlived the object that knew it. */
  again(
    number: number,
    role: Role,
    translation: Translation | null,
    now: number,
    { name, control }: Introduction,
  ): Client {
    const client: Client = {
      number,
      role,
      translation,
      name,
      control,
      backlog: new Backlog(this.#limits, now),
      sender: { side: 'client', client: `c${number}` },
    };
    this.#last = Math.max(this.#last, number);
    this.#clients.set(number, client);
    this.#all = [...this.#clients.values()];
    return client;
  }

  /** Another client of the same name. */
  namesake({ number, name }: Client): Client | undefined {
    return name === null ? undefined : this.#all.find((each) => each.name === name && each.number !== number);
  }

  get(number: number): Client | undefined {
    return this.#clients.get(number);
  }

  /** False when the client had left already. */
  remove(number: number): boolean {
    const left = this.#clients.delete(number);
    if (left) this.#all = [...this.#clients.values()];
    return left;
  }

  /** Those attached now; who joins or leaves meanwhile does not change it. */
  all(): readonly Client[] {
    return this.#all;
  }
}

/** How a client is called outside. */
export function clientName(number: number): string | null {
  return number === 0 ? null : `c${number}`;
}
