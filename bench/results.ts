/** What a run found: one series for each figure, with its value in every round. */
import type { Measure } from './options.ts';
import type { PeerName } from './peers.ts';
import { type Spread, spread } from './samples.ts';

/** Every figure by its name, with the unit that it is in. */
export const METRICS = {
  p50: 'ms',
  p99: 'ms',
  perSecond: '1/s',
  cpuPerRoundTrip: 'µs',
  cores: 'cores',
  generatorLate: 'ms',
  echoedShare: 'share',
  openP50: 'ms',
  firstEchoP50: 'ms',
  memory: 'MiB',
  sent: 'frames',
  lost: 'frames',
  wrong: 'frames',
} as const;

export type Metric = keyof typeof METRICS;

/** What is measured: the load, and which size of it (`200 B`, `100 × 8 KB`, `30`). */
export interface Scene {
  readonly measure: Measure | 'memory';
  readonly scene: string;
}

export interface Series extends Scene {
  readonly peer: PeerName;
  readonly metric: Metric;
  readonly unit: string;
  /** By round; null where the round has no figure. */
  readonly rounds: readonly (number | null)[];
}

export class Results {
  readonly #series = new Map<string, { about: Omit<Series, 'rounds'>; rounds: (number | null)[] }>();

  record(
    { measure, scene }: Scene,
    peer: PeerName,
    round: number,
    figures: Readonly<Partial<Record<Metric, number | null>>>,
  ): void {
    for (const [metric, value] of Object.entries(figures) as [Metric, number | null][]) {
      const key = `${measure}|${scene}|${peer}|${metric}`;
      const about = { measure, scene, peer, metric, unit: METRICS[metric] };
      const series = this.#series.get(key) ?? { about, rounds: [] };
      while (series.rounds.length < round) series.rounds.push(null);
      series.rounds[round] = value !== null && Number.isFinite(value) ? value : null;
      this.#series.set(key, series);
    }
  }

  all(): readonly (Series & { readonly spread: Spread | null })[] {
    return [...this.#series.values()].map(({ about, rounds }) => ({
      ...about,
      rounds,
      spread: spread(rounds),
    }));
  }

  rounds({ measure, scene }: Scene, peer: PeerName, metric: Metric): readonly (number | null)[] {
    return this.#series.get(`${measure}|${scene}|${peer}|${metric}`)?.rounds ?? [];
  }

  median(scene: Scene, peer: PeerName, metric: Metric): number | null {
    return spread(this.rounds(scene, peer, metric))?.median ?? null;
  }

  /** The median of the ratios within each round: peers of one round ran within the same minute, so drift cancels. */
  ratio(scene: Scene, peer: PeerName, base: PeerName, metric: Metric): number | null {
    const bases = this.rounds(scene, base, metric);
    const ratios = this.rounds(scene, peer, metric).map((value, round) => {
      const below = bases[round] ?? null;
      return value === null || below === null || below === 0 ? null : value / below;
    });
    return spread(ratios)?.median ?? null;
  }

  total(peer: PeerName, metric: 'sent' | 'lost' | 'wrong'): number {
    return this.all()
      .filter((series) => series.peer === peer && series.metric === metric)
      .reduce((sum, { rounds }) => sum + rounds.reduce<number>((part, value) => part + (value ?? 0), 0), 0);
  }

  peers(): readonly PeerName[] {
    return [...new Set(this.all().map(({ peer }) => peer))];
  }

  scenes(measure: Scene['measure']): readonly Scene[] {
    const names = this.all()
      .filter((series) => series.measure === measure)
      .map(({ scene }) => scene);
    return [...new Set(names)].map((scene) => ({ measure, scene }));
  }
}
