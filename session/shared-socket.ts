/**
 * What several clients on one upstream are to each other: which of their frames need not go up, and whose an answer is. It
 * sleeps until a second client is attached; what it asks of the adapter is in `providers/sharing.ts`.
 */
import type { Payload } from '../protocol/connect.ts';
import type { JsonValue } from '../protocol/json.ts';
import type { ProviderAdapter } from '../providers/adapter.ts';
import type { Bookkeeping } from './bookkeeping.ts';
import type { ControlChannel } from './control.ts';
import type { Limits } from './limits.ts';
import type { Client, Roster } from './roster.ts';
import type { Wire } from './wire.ts';

/** An upstream frame that is for one client alone. */
interface Addressed {
  readonly to: number;
  /** As that client is to get it. */
  readonly own: Payload;
}

interface Parts {
  readonly limits: Pick<Limits, 'rememberedOwners'>;
  readonly wire: Pick<Wire, 'toClient' | 'report'>;
  readonly books: Pick<Bookkeeping, 'state'>;
  readonly roster: Roster;
  readonly control: ControlChannel;
}

export class SharedSocket {
  readonly #adapter: ProviderAdapter;
  readonly #parts: Parts;
  /** Null: there is nothing to remember, because there never were two clients. */
  #memory: JsonValue | null = null;
  #isBroken = false;
  /** The first number of each name: who comes back under its name goes on as the same owner. */
  readonly #owners = new Map<string, number>();
  /** Clients, until they are seen to have left, that have sent nothing yet but what their SDKs send when they connect. */
  readonly #opening = new Set<number>();
  /** Upstream frames that went by clients without reaching them, by client; told before the next one that does. */
  readonly #passedBy = new Map<number, number>();
  #attached: readonly Client[] = [];
  #isShared = false;

  constructor(adapter: ProviderAdapter, parts: Parts) {
    this.#adapter = adapter;
    this.#parts = parts;
  }

  /** A new client; not one whose socket outlived its object, which is in the middle of its work. */
  joined({ number }: Client): void {
    if (this.#adapter.sharing?.habit !== undefined && this.#parts.roster.size > 1) this.#opening.add(number);
  }

  /** True for a frame that an SDK sends when it connects, and that is answered from here: before any question of roles. */
  takes(client: Client, payload: Payload): boolean {
    const { sharing } = this.#adapter;
    if (!this.#opening.has(client.number) || sharing?.habit === undefined) return false;
    const answers = this.#guarded(() => sharing.habit?.(this.#state, this.#speaker(client), payload) ?? null);
    if (answers === null) {
      this.#opening.delete(client.number);
      return false;
    }
    for (const answer of answers) this.answer(client, answer);
    return true;
  }

  /** True for a frame that another client has said already, or will. */
  drops(client: Client, payload: Payload): boolean {
    const sent = this.#sentUp(client, payload);
    if (sent === null || sent.up.length > 0) return false;
    this.#memory = sent.memory;
    return true;
  }

  /** What goes up in place of a client's frame; nothing when another client's has said it already. */
  up(client: Client, payload: Payload): readonly Payload[] | null {
    const sent = this.#sentUp(client, payload);
    if (sent === null) return null;
    this.#memory = sent.memory;
    return sent.up.length === 1 && sent.up[0] === payload ? null : sent.up;
  }

  /** What is remembered of it only counts once the frame is on its way. */
  #sentUp(client: Client, payload: Payload) {
    const memory = this.#begun();
    if (memory === null) return null;
    return this.#guarded(
      () => this.#adapter.sharing?.up(memory, this.#state, this.#speaker(client), payload) ?? null,
    );
  }

  /** Whose an upstream frame is; null: everyone's. */
  down(payload: Payload): Addressed | null {
    const memory = this.#begun();
    if (memory === null) return null;
    const sent = this.#guarded(() => this.#adapter.sharing?.down(memory, payload) ?? null);
    if (sent === null) return null;
    this.#memory = sent.memory;
    return sent.to === null ? null : { to: sent.to, own: sent.own };
  }

  /**
   * What a client gets of an upstream frame; null: nothing. Whoever observes, or asked for what others send, gets all of them, as the provider sent them.
   * Call only right before the frame is sent: a client that counts is told of those that it did not get.
   */
  for(client: Client, payload: Payload, addressed: Addressed | null): Payload | null {
    const { number } = client;
    const isOwn = addressed !== null && this.ownerOf(client) === addressed.to;
    if (addressed !== null && !isOwn && client.role !== 'observer' && client.control < 2) {
      this.#passedBy.set(number, (this.#passedBy.get(number) ?? 0) + 1);
      return null;
    }
    const passedBy = this.#passedBy.get(number);
    if (passedBy !== undefined) {
      this.#passedBy.delete(number);
      this.#parts.control.counted(client, passedBy);
    }
    return isOwn ? addressed.own : payload;
  }

  /** An answer of Parley's own in the provider's words. It is no upstream frame, so a client that counts is told. */
  answer(client: Client, payload: Payload): void {
    const own = client.translation === null ? payload : client.translation.toClient(payload);
    if (own === null) return;
    this.#parts.wire.toClient(client.number, own);
    this.#parts.control.counted(client, -1);
  }

  /** The number by which private frames are addressed to a client. */
  ownerOf({ number, name }: Client): number {
    if (name === null) return number;
    const owner = this.#owners.get(name);
    if (owner !== undefined) return owner;
    this.#owners.set(name, number);
    this.#forgetOwners();
    return number;
  }

  /** Of those that have left, the ones that came first. */
  #forgetOwners(): void {
    const attached = new Set(this.#parts.roster.all().map(({ name }) => name));
    const left = [...this.#owners.keys()].filter((name) => !attached.has(name));
    for (const name of left.slice(0, -this.#parts.limits.rememberedOwners)) this.#owners.delete(name);
  }

  /** What is remembered, from the moment on at which clients of two owners are attached. */
  #begun(): JsonValue | null {
    const { sharing } = this.#adapter;
    if (sharing === undefined || this.#isBroken) return null;
    const all = this.#parts.roster.all();
    if (all !== this.#attached) {
      this.#attached = all;
      for (const kept of [this.#opening, this.#passedBy])
        for (const number of kept.keys())
          if (this.#parts.roster.get(number) === undefined) kept.delete(number);
      this.#isShared = new Set(all.map((each) => this.ownerOf(each))).size > 1;
    }
    const [first] = all;
    if (this.#memory === null && this.#isShared && first !== undefined)
      this.#memory = this.#guarded(() => sharing.begin(this.#state, this.ownerOf(first)));
    return this.#memory;
  }

  readonly #state = (): JsonValue => this.#parts.books.state;

  #speaker(client: Client) {
    this.#begun();
    return {
      owner: this.ownerOf(client),
      isController: client.role === 'controller',
      isOpening: this.#opening.has(client.number),
      isAlone: !this.#isShared,
      isAttached: (owner: number) => this.#attached.some((each) => this.ownerOf(each) === owner),
    };
  }

  /** An adapter that fails must not take the relay with it: from then on everyone gets everything. */
  #guarded<T>(ask: () => T | null): T | null {
    if (this.#isBroken) return null;
    try {
      return ask();
    } catch (error) {
      this.#isBroken = true;
      this.#parts.wire.report(`adapter ${this.#adapter.id} failed to share its socket: ${String(error)}`);
      return null;
    }
  }
}
