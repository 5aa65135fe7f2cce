/** Several named deadlines over the one alarm that an object has. */

/** What is asked of an object's storage. */
export interface AlarmClock {
  getAlarm(): Promise<number | null>;
  setAlarm(at: number): Promise<void>;
}

/** Answers when it is due again, in ms since the epoch; null: when it is set. */
export type Task = () => Promise<number | null>;

/** What a task that failed waits for its next try. */
const AFTER_FAILURE_MS = 60_000;

export class Deadlines<Name extends string> {
  readonly #storage: AlarmClock;
  readonly #tasks: readonly (readonly [Name, Task])[];
  readonly #report: (name: Name, problem: string) => void;
  /**
   * In memory alone. The alarm itself is stored: one that was set before this object was made says that something is
   * due, and then every task is run whose deadline is not known here.
   */
  readonly #due = new Map<Name, number | null>();
  #alarmAt: number | null = null;

  constructor(
    storage: AlarmClock,
    tasks: Readonly<Record<Name, Task>>,
    report: (name: Name, problem: string) => void,
  ) {
    this.#storage = storage;
    // Its keys are these very names.
    this.#tasks = Object.entries(tasks) as [Name, Task][];
    this.#report = report;
  }

  /** Sets a deadline; what it was before is forgotten. */
  async set(name: Name, at: number | null): Promise<void> {
    this.#due.set(name, at);
    await this.#arm();
  }

  /** Sees to it that there is a deadline of this name, `at` if there was none. */
  async keep(name: Name, at: () => number | null): Promise<void> {
    if ((this.#due.get(name) ?? null) !== null) return;
    // One that was set before this object was made may be this one's.
    if (!this.#due.has(name) && (await this.#storage.getAlarm()) !== null) return;
    await this.set(name, at());
  }

  /** Runs what is due, and sets the alarm for what comes next. */
  async ring(now: number): Promise<void> {
    // It rings when its time has come, whatever this clock says.
    const reached = Math.max(now, this.#alarmAt ?? 0);
    this.#alarmAt = null;
    await Promise.all(
      this.#tasks
        .filter(([name]) => {
          const at = this.#due.get(name);
          return at === undefined || (at !== null && at <= reached);
        })
        .map(([name, task]) => this.#run(name, task, now)),
    );
    await this.#arm();
  }

  async #run(name: Name, task: Task, now: number): Promise<void> {
    this.#due.set(name, null);
    let next: number | null;
    try {
      next = await task();
    } catch (error) {
      this.#report(name, String(error));
      next = now + AFTER_FAILURE_MS;
    }
    // Set while it ran: the task may not have seen what for.
    this.#due.set(name, earliest([next, this.#due.get(name) ?? null]));
  }

  /** Sets the alarm for the first deadline, unless it rings before that. */
  async #arm(): Promise<void> {
    const before = await this.#storage.getAlarm();
    // Only now: others may have set theirs meanwhile, and then each of them sets the alarm for the first of all.
    const at = earliest([...this.#due.values()]);
    if (at === null || (before !== null && before <= at)) return;
    this.#alarmAt = at;
    await this.#storage.setAlarm(at);
  }
}

function earliest(times: readonly (number | null)[]): number | null {
  const known = times.filter((at) => at !== null);
  return known.length === 0 ? null : Math.min(...known);
}
