/** Who may speak where one client speaks at a time. Time is an argument, and what follows is returned. */
import type { FloorMode } from '../protocol/connect.ts';
import type { FLOOR_ENDS } from '../protocol/control-down.ts';
import type { Limits } from './limits.ts';

export type FloorEvent =
  | { readonly kind: 'granted'; readonly client: number; readonly by: number | null }
  | { readonly kind: 'requested'; readonly client: number }
  | { readonly kind: 'released'; readonly client: number; readonly reason: (typeof FLOOR_ENDS)[number] };

interface Holder {
  readonly client: number;
  readonly since: number;
  spokeAt: number;
}

export class Floor {
  readonly mode: FloorMode;
  readonly #limits: Pick<Limits, 'floorSilentMs' | 'floorLongestMs'>;
  #holder: Holder | null = null;
  #waiting: readonly number[] = [];

  constructor(mode: FloorMode, limits: Pick<Limits, 'floorSilentMs' | 'floorLongestMs'>) {
    this.mode = mode;
    this.#limits = limits;
  }

  /** The client's number; null: nobody. */
  get holder(): number | null {
    return this.#holder?.client ?? null;
  }

  /** Those who asked for it, in their order. */
  get waiting(): readonly number[] {
    return this.#waiting;
  }

  /** Whether what this client says may pass. */
  isOpenTo(client: number): boolean {
    return this.mode === 'open' || this.holder === client;
  }

  /** Its holder said something. */
  spoke(now: number): void {
    if (this.#holder !== null) this.#holder.spokeAt = now;
  }

  request(client: number, now: number): readonly FloorEvent[] {
    if (this.mode === 'open' || this.holder === client || this.#waiting.includes(client)) return [];
    if (this.#holder === null) return this.#give(client, null, now);
    this.#waiting = [...this.#waiting, client];
    return [{ kind: 'requested', client }];
  }

  /** A controller gives it to `client`, or to nobody. */
  grant(client: number | null, by: number, now: number): readonly FloorEvent[] {
    if (this.mode === 'open' || client === this.holder) return [];
    const taken = this.#take('revoked');
    return client === null ? taken : [...taken, ...this.#give(client, by, now)];
  }

  /** It is given back, or the wish for it; then it is the next one's turn. */
  release(client: number, reason: 'released' | 'left' | 'revoked', now: number): readonly FloorEvent[] {
    this.#waiting = this.#waiting.filter((each) => each !== client);
    return this.holder === client ? [...this.#take(reason), ...this.#next(now)] : [];
  }

  /** When `expire` is to be called; null: never. */
  get due(): number | null {
    if (this.#holder === null) return null;
    const silent = this.#holder.spokeAt + this.#limits.floorSilentMs;
    return this.#waiting.length === 0
      ? silent
      : Math.min(silent, this.#holder.since + this.#limits.floorLongestMs);
  }

  expire(now: number): readonly FloorEvent[] {
    return this.due === null || now < this.due ? [] : [...this.#take('timeout'), ...this.#next(now)];
  }

  #give(client: number, by: number | null, now: number): readonly FloorEvent[] {
    this.#holder = { client, since: now, spokeAt: now };
    this.#waiting = this.#waiting.filter((each) => each !== client);
    return [{ kind: 'granted', client, by }];
  }

  #take(reason: (typeof FLOOR_ENDS)[number]): readonly FloorEvent[] {
    const client = this.holder;
    this.#holder = null;
    return client === null ? [] : [{ kind: 'released', client, reason }];
  }

  #next(now: number): readonly FloorEvent[] {
    const [first] = this.#waiting;
    return first === undefined ? [] : this.#give(first, null, now);
  }
}
