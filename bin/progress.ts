/** How far a long job is: a bar that moves on a terminal, else a line every five seconds. On standard error. */
const BAR_CELLS = 24;
const REDRAW_MS = 100;
const LINE_MS = 5000;

export class Progress {
  readonly #total: number | null;
  readonly #out: NodeJS.WriteStream;
  readonly #startedAt = performance.now();
  #done = 0;
  #shownAt = 0;

  /** @param total bytes, null when nobody knows */
  constructor(total: number | null, out: NodeJS.WriteStream = process.stderr) {
    this.#total = total;
    this.#out = out;
  }

  add(bytes: number): void {
    this.#done += bytes;
    const now = performance.now();
    if (now - this.#shownAt < (this.#out.isTTY ? REDRAW_MS : LINE_MS)) return;
    // Without a terminal a job that is over soon says nothing but its end.
    const isFirst = this.#shownAt === 0;
    this.#shownAt = now;
    if (this.#out.isTTY) this.#out.write(`\r${this.line()}\u001B[K`);
    else if (!isFirst) this.#out.write(`${this.line()}\n`);
  }

  end(): void {
    this.#out.write(this.#out.isTTY ? `\r${this.line()}\u001B[K\n` : `${this.line()}\n`);
  }

  /** Bytes so far. */
  get done(): number {
    return this.#done;
  }

  /** What is shown now. */
  line(): string {
    const seconds = Math.max(0.001, (performance.now() - this.#startedAt) / 1000);
    const speed = `${sizeOf(this.#done / seconds)}/s`;
    if (this.#total === null) return `${sizeOf(this.#done)}  ${speed}`;
    const share = this.#total === 0 ? 1 : Math.min(1, this.#done / this.#total);
    const cells = Math.round(share * BAR_CELLS);
    const bar = '█'.repeat(cells) + '░'.repeat(BAR_CELLS - cells);
    const left = share === 0 ? '' : `  ~${Math.ceil(seconds / share - seconds)} s left`;
    return `${bar} ${Math.floor(share * 100)} %  ${sizeOf(this.#done)} of ${sizeOf(this.#total)}  ${speed}${share < 1 ? left : ''}`;
  }
}

const UNITS = ['B', 'KB', 'MB', 'GB'] as const;
const THOUSAND = 1000;

function sizeOf(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= THOUSAND && unit < UNITS.length - 1) {
    value /= THOUSAND;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}
