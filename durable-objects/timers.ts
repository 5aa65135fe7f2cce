/**
 * Named deadlines of one live session. Timers, not alarms: they only matter while the upstream socket, which lives in
 * memory as they do, is open. What must survive the object is the recorder's, and that has an alarm.
 */
export class Timers<Name extends string> {
  readonly #due: (name: Name) => void;
  readonly #timers = new Map<Name, ReturnType<typeof setTimeout>>();

  constructor(due: (name: Name) => void) {
    this.#due = due;
  }

  /** Replaces the deadline of that name; `at` in ms since the epoch, null to clear it. */
  set(name: Name, at: number | null): void {
    const old = this.#timers.get(name);
    if (old !== undefined) clearTimeout(old);
    this.#timers.delete(name);
    if (at === null) return;
    const timer = setTimeout(
      () => {
        this.#timers.delete(name);
        this.#due(name);
      },
      Math.max(0, at - Date.now()),
    );
    this.#timers.set(name, timer);
  }
}
