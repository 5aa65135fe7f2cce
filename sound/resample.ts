/** From one sample rate to another, by a windowed sinc: a table for each pair of rates, some 24 products a sample. */

/** Zero crossings of the sinc on each side. */
const CROSSINGS = 12;
/** Rates without a common factor have more phases than are worth a table: then the nearest is taken. */
const PHASES_MOST = 1024;

export interface Resampler {
  /** Source samples that are needed on each side of a position. */
  readonly reach: number;
  /**
   * Adds samples `from` to `to` of the output to `out`, the first at 0.
   *
   * @param source the first sample is number `first` of the input; what lies outside is silence
   */
  add(out: Float32Array, from: number, to: number, source: Float32Array, first: number): void;
}

export function resampler(inRate: number, outRate: number): Resampler {
  return inRate === outRate ? COPY : new SincResampler(inRate, outRate);
}

const COPY: Resampler = {
  reach: 0,
  add(out, from, to, source, first) {
    const end = Math.min(to, first + source.length);
    for (let index = Math.max(from, first); index < end; index += 1)
      out[index - from] = (out[index - from] ?? 0) + (source[index - first] ?? 0);
  },
};

class SincResampler implements Resampler {
  readonly reach: number;
  readonly #step: number;
  readonly #phases: number;
  readonly #table: Float32Array;

  constructor(inRate: number, outRate: number) {
    const common = commonFactor(inRate, outRate);
    const cutoff = Math.min(1, outRate / inRate);
    this.#step = inRate / outRate;
    this.#phases = Math.min(PHASES_MOST, outRate / common);
    this.reach = Math.ceil(CROSSINGS / cutoff);
    this.#table = tableOf(this.#phases, this.reach, cutoff);
  }

  add(out: Float32Array, from: number, to: number, source: Float32Array, first: number): void {
    const table = this.#table;
    const taps = this.reach * 2;
    for (let index = from; index < to; index += 1) {
      const position = index * this.#step;
      let whole = Math.floor(position);
      let phase = Math.round((position - whole) * this.#phases);
      if (phase === this.#phases) {
        whole += 1;
        phase = 0;
      }
      const start = whole - this.reach + 1 - first;
      const tapFrom = Math.max(0, -start);
      const tapTo = Math.min(taps, source.length - start);
      const row = phase * taps;
      let sum = 0;
      for (let tap = tapFrom; tap < tapTo; tap += 1)
        sum += (source[start + tap] ?? 0) * (table[row + tap] ?? 0);
      out[index - from] = (out[index - from] ?? 0) + sum;
    }
  }
}

/** A row for each phase; each row's sum is 1, so that a constant stays what it is. */
function tableOf(phases: number, reach: number, cutoff: number): Float32Array {
  const taps = reach * 2;
  const table = new Float32Array(phases * taps);
  for (let phase = 0; phase < phases; phase += 1) {
    const row = table.subarray(phase * taps, (phase + 1) * taps);
    for (let tap = 0; tap < taps; tap += 1) {
      const distance = tap - reach + 1 - phase / phases;
      row[tap] = sinc(distance * cutoff) * blackman(distance / reach);
    }
    const sum = row.reduce((total, each) => total + each, 0);
    for (let tap = 0; tap < taps; tap += 1) row[tap] = (row[tap] ?? 0) / sum;
  }
  return table;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** From -1 to 1. */
function blackman(x: number): number {
  return Math.abs(x) >= 1 ? 0 : 0.42 + 0.5 * Math.cos(Math.PI * x) + 0.08 * Math.cos(2 * Math.PI * x);
}

function commonFactor(one: number, other: number): number {
  return other === 0 ? one : commonFactor(other, one % other);
}
