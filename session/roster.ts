/** The clients of one session: who is attached, in which role, and how far behind. */
import type { ControlLevel, Role } from '../protocol/connect.ts';
import type { Sender, Translation } from '../providers/adapter.ts';
import { Backlog, type BacklogLimits } from './backlog.ts';
import type { Limits } from './limits.ts';
import { Rate, type RateLimits } from './rate.ts';

export interface Client {
  /** Counts the clients of a session from 1; 0 stands for none. */
  readonly number: number;
  /** Changed by `Roster.setRole` alone. */
  role: Role;
  /** The most that its credential allows. */
  readonly highest: Role;
  /** Null: it speaks the provider's own wire. */
  readonly translation: Translation | null;
  /** What it calls itself, so that it is known when it comes back. */
  readonly name: string | null;
  /** Whether it asked for the control channel, and how much of it. */
  readonly control: ControlLevel;
  readonly backlog: Backlog;
  readonly rate: Rate;
  /** As the adapter knows it; made once, since every frame needs it. */
  readonly sender: Extract<Sender, { side: 'client' }>;
}

/** How a client introduced itself. */
export type Introduction = Pick<Client, 'name' | 'control' | 'highest'>;

export const STRANGER: Introduction = { name: null, control: 0, highest: 'controller' };

type RosterLimits = BacklogLimits & RateLimits & Pick<Limits, 'rememberedRoles'>;

export class Roster {
  readonly #limits: RosterLimits;
  readonly #clients = new Map<number, Client>();
  /** The same, for the loop that every upstream frame goes through. */
  #all: readonly Client[] = [];
  #last: number;
  /** By the name of a client: the role that it was given, for when it comes back. */
  readonly #given: Map<string, Role>;

  /** @param last the number of the last client that there had been before */
  constructor(limits: RosterLimits, last = 0, given: readonly (readonly [string, Role])[] = []) {
    this.#given = new Map(given);
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
    { name, control, highest }: Introduction,
  ): Client {
    const client: Client = {
      number,
      role,
      highest,
      translation,
      name,
      control,
      backlog: new Backlog(this.#limits, now),
      rate: new Rate(this.#limits),
      sender: { side: 'client', client: `c${number}` },
    };
    this.#last = Math.max(this.#last, number);
    this.#clients.set(number, client);
    this.#all = [...this.#clients.values()];
    return client;
  }

  setRole(client: Client, role: Role): void {
    client.role = role;
    if (client.name === null) return;
    this.#given.delete(client.name);
    this.#given.set(client.name, role);
    const [oldest] = this.#given.keys();
    if (this.#given.size > this.#limits.rememberedRoles && oldest !== undefined) this.#given.delete(oldest);
  }

  /** The role that a client of this name was given; null: it never was. */
  roleGiven(name: string): Role | null {
    return this.#given.get(name) ?? null;
  }

  /** For the snapshot. */
  get given(): readonly (readonly [string, Role])[] {
    return [...this.#given];
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
