/**
 * What a client must know to come back to its session: how much it has received, in which life of the session, and whether a
 * close means "come back". Pure: time and chance come in as arguments.
 */
import { answerTo } from './close-codes.ts';

export interface ContinuationOptions {
  /** How long after a loss it is worth trying, ms: the deployment's grace time. */
  readonly graceMs: number;
  /** The longest wait before the first attempt, ms; it doubles each time, up to `mostMs`. */
  readonly firstMs: number;
  readonly mostMs: number;
}

export type Frame =
  /** One of the provider's: the application's. */
  | { readonly kind: 'provider' }
  /** One of Parley's own. */
  | {
      readonly kind: 'control';
      readonly message: { readonly type: string; readonly [name: string]: unknown };
    };

export type Verdict = { readonly again: true; readonly waitMs: number } | { readonly again: false };

const CONTROL = '{"type":"parley.';

export class Continuation {
  readonly #options: ContinuationOptions;
  #received = 0;
  #epoch = 0;
  /** Parley has let it in on the connection of now. */
  #joined = false;
  #everJoined = false;
  #lostAt: number | null = null;
  #attempts = 0;

  constructor(options: ContinuationOptions) {
    this.#options = options;
  }

  get joined(): boolean {
    return this.#joined;
  }

  get everJoined(): boolean {
    return this.#everJoined;
  }

  /** What the next connection says of the past; empty before there is one. */
  parameters(): Readonly<Record<string, string>> {
    return this.#everJoined
      ? { 'parley-after': String(this.#received), 'parley-epoch': String(this.#epoch) }
      : {};
  }

  /** A frame came. Before Parley has let the client in, none is the provider's. */
  frame(data: unknown): Frame {
    if (typeof data === 'string' && data.startsWith(CONTROL)) {
      // By its head it is Parley's own, which is JSON.
      const message = JSON.parse(data) as Extract<Frame, { kind: 'control' }>['message'];
      if (message.type === 'parley.session.joined') this.#join(message);
      // Frames of others that went by, or answers to us alone: what is counted is what the session counts.
      if (message.type === 'parley.session.counted') this.#received += Number(message['frames']);
      return { kind: 'control', message };
    }
    if (this.#joined) this.#received += 1;
    return { kind: 'provider' };
  }

  #join({ received, epoch }: { readonly [name: string]: unknown }): void {
    this.#received = Number(received);
    this.#epoch = Number(epoch);
    this.#joined = true;
    this.#everJoined = true;
    this.#lostAt = null;
    this.#attempts = 0;
  }

  /**
   * The connection is closed.
   *
   * @param now ms, of any clock that goes on
   * @param chance 0 <= x < 1
   */
  closed(code: number, now: number, chance: number): Verdict {
    this.#joined = false;
    if (!this.#everJoined || answerTo(code) !== 'resume') return { again: false };
    this.#lostAt ??= now;
    const { graceMs, firstMs, mostMs } = this.#options;
    // Full jitter: many clients that were cut at once do not come back at once.
    const waitMs = Math.round(chance * Math.min(firstMs * 2 ** this.#attempts, mostMs));
    if (now + waitMs - this.#lostAt > graceMs) return { again: false };
    this.#attempts += 1;
    return { again: true, waitMs };
  }
}
