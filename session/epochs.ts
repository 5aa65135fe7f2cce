/**
 * Counts of upstream frames across the loss of a session's object. What was relayed in the moments before is not known for
 * sure afterwards, so counting goes on from the log, and a count of before is told from one of now by its epoch.
 */
export class Epochs {
  /** The count at which each epoch before the current one ended. */
  #ends: readonly number[];

  constructor(ends: readonly number[] = []) {
    this.#ends = ends;
  }

  /** Counts the lives of the session from 1. */
  get current(): number {
    return this.#ends.length + 1;
  }

  get ends(): readonly number[] {
    return this.#ends;
  }

  /** The object was lost; as far as is known, so many upstream frames had been sent on. */
  next(received: number): void {
    this.#ends = [...this.#ends, received];
  }

  /**
   * A client's count, as one of now; null when it cannot be told what it means.
   *
   * @param epoch the one in which the client counted, or null where it does not know
   * @param received the count of now
   */
  translate(after: number, epoch: number | null, received: number): number | null {
    if (epoch === this.current) return after;
    if (epoch !== null) {
      const end = this.#ends[epoch - 1];
      // What it has beyond the end is what the log lost: nothing of it is missing to this client.
      return end === undefined ? null : Math.min(after, end);
    }
    const end = this.#ends.at(-1);
    if (end === undefined || after <= end) return after;
    // Nothing was sent since: whatever it counts is of before.
    return received === end ? end : null;
  }
}
