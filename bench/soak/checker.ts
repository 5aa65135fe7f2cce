/**
 * What a soak may not find: frames that were lost, doubled, reordered or altered outside of what is declared. Pure, so that
 * it can be shown to notice.
 */

/** A numbered frame as it goes over a wire; `sum` is over the number and the padding. */
export function frameText(kind: 'up' | 'down', n: number, padding: string): string {
  return JSON.stringify({ type: `soak.${kind}`, n, sum: sumOf(n, padding), padding });
}

/** The number of a frame of this kind, null for any other; -1 for one that was altered. */
export function readFrame(kind: 'up' | 'down', text: string): number | null {
  if (!text.includes(`"soak.${kind}"`)) return null;
  const { n, sum, padding } = JSON.parse(text) as { n: number; sum: number; padding: string };
  return sumOf(n, padding) === sum ? n : -1;
}

function sumOf(n: number, padding: string): number {
  let sum = n;
  for (let i = 0; i < padding.length; i += 1) sum = (sum * 31 + padding.charCodeAt(i)) % 2_147_483_647;
  return sum;
}

/** Frames that came, with what is known of the moments in which some may be missing. */
export class Sequence {
  #last = 0;
  #mayMiss = false;
  /** Kills whose gap was not seen yet: what came between two of them may never have reached a client. */
  #kills = 0;
  frames = 0;
  /** Frames that are missing where that was declared. */
  missing = 0;
  readonly problems: string[] = [];
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  /** From here to the next frame some may be missing: a connection was cut whose other side cannot be asked. */
  declareLoss(): void {
    this.#mayMiss = true;
  }

  /** Once more, some may be missing: the server was killed, and what was on its way to it, or not on its disk, is gone. */
  declareKill(): void {
    this.#kills += 1;
  }

  /** The number of the last frame so far. */
  get last(): number {
    return this.#last;
  }

  take(n: number): void {
    this.frames += 1;
    const expected = this.#last + 1;
    if (n === -1) this.#problem('altered', expected);
    else if (n < expected) this.#problem(n === this.#last ? 'doubled' : 'reordered or doubled', n);
    else if (n > expected && !this.#mayMiss && this.#kills === 0)
      this.#problem(`lost up to ${n - 1}`, expected);
    else if (n > expected) {
      this.missing += n - expected;
      if (!this.#mayMiss) this.#kills -= 1;
    }
    this.#mayMiss = false;
    this.#last = Math.max(this.#last, n);
  }

  #problem(what: string, n: number): void {
    this.problems.push(`${this.#name}: frame ${n} ${what}`);
  }
}
