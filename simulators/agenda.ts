/** What a simulated session will do later: tasks in order of time, and of arrival among equals. */

export interface Task {
  readonly at: number;
  readonly run: (at: number) => void;
}

export class Agenda {
  #tasks: Task[] = [];

  /** To the nearest ms. Returns the task, by which it can be taken off. */
  add(atMs: number, run: (at: number) => void): Task {
    const at = Math.round(atMs);
    const task = { at, run };
    const after = this.#tasks.findIndex((other) => other.at > at);
    if (after === -1) this.#tasks.push(task);
    else this.#tasks.splice(after, 0, task);
    return task;
  }

  remove(task: Task | null): void {
    if (task !== null) this.#tasks = this.#tasks.filter((other) => other !== task);
  }

  clear(): void {
    this.#tasks = [];
  }

  due(): number | null {
    return this.#tasks[0]?.at ?? null;
  }

  /** The next task whose time has come, taken off; each is told its own time, so a late call delays nothing further. */
  take(now: number): Task | null {
    const first = this.#tasks[0];
    if (first === undefined || first.at > now) return null;
    this.#tasks.shift();
    return first;
  }
}
