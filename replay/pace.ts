/** When something recorded is due again. */

export class Pace {
  readonly #speed: number;
  /** What was recorded at `recorded` is due at `now`. */
  #zero: { readonly recorded: number; readonly now: number } | null = null;
  #lastDue = 0;

  /** @param speed how many times faster than it was recorded */
  constructor(speed: number) {
    this.#speed = speed;
  }

  /** What was recorded at `recorded` happens `now`, and the rest from there on. All times in ms since the epoch. */
  hold(recorded: number, now: number): void {
    this.#zero = { recorded, now };
    this.#lastDue = now;
  }

  /**
   * When what was recorded at `recorded` is due; the first one is at once. Counted from where time was last held, never
   * from the event before: a timer that is late delays what it was for, and nothing after it. A recorded clock that stepped
   * back does not bring anything forward.
   */
  due(recorded: number, now: number): number {
    if (this.#zero === null) this.hold(recorded, now);
    const { recorded: from, now: began } = this.#zero ?? { recorded, now };
    this.#lastDue = Math.max(this.#lastDue, began + (recorded - from) / this.#speed);
    return this.#lastDue;
  }
}
