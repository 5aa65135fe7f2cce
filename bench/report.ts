/** The figures as text. */
import { bars, knee } from './bars.ts';
import type { Failure } from './rounds.ts';
import type { PeerName } from './peers.ts';
import type { Metric, Results, Scene } from './results.ts';

interface Column {
  readonly title: string;
  readonly of: (peer: PeerName) => string;
}

const LEGEND = 'Medians over the rounds. In brackets: ratio to direct, ratio to bare.';

export function report(
  results: Results,
  failures: readonly Failure[],
  skipped: readonly { readonly peer: string; readonly reason: string }[],
): string {
  const parts = [LEGEND, ...tables(results), frameLines(results), barLines(results)];
  if (skipped.length > 0)
    parts.push(['Skipped', ...skipped.map(({ peer, reason }) => `  ${peer}: ${reason}`)].join('\n'));
  if (failures.length > 0) parts.push(['Failed', ...failures.map(failureLine)].join('\n'));
  return parts.filter((part) => part !== '').join('\n\n');
}

function tables(results: Results): readonly string[] {
  const both = (scene: Scene, metric: Metric, digits: number, title: string): Column => ({
    title,
    of: (peer) => figure(results, scene, peer, metric, digits),
  });
  const plain = (scene: Scene, metric: Metric, digits: number, title: string): Column => ({
    title,
    of: (peer) => number(results.median(scene, peer, metric), digits),
  });
  const rtt = results.scenes('rtt');
  const setup = results.scenes('setup');
  const saturated = results.scenes('saturated');
  return [
    table(
      'Round trip, one session, each frame 2 ms after the last echo: ms',
      results,
      rtt.flatMap((at) => [both(at, 'p50', 2, `${at.scene} p50`), both(at, 'p99', 2, `${at.scene} p99`)]),
    ),
    table(
      'Saturated, sessions × frame size: round trips a second',
      results,
      saturated.map((at) => both(at, 'perSecond', 0, at.scene)),
    ),
    table(
      'Saturated: processor time of the peer for one round trip, µs',
      results,
      saturated.map((at) => plain(at, 'cpuPerRoundTrip', 0, at.scene)),
    ),
    ...pacedTables(results, plain),
    table(
      'Set-up, one session after the other',
      results,
      setup.flatMap((at) => [
        both(at, 'perSecond', 0, 'sessions/s'),
        both(at, 'openP50', 2, 'open p50 ms'),
        both(at, 'firstEchoP50', 2, 'first echo p50 ms'),
      ]),
    ),
    table('Resident memory of the peer, MiB', results, [
      ...results.scenes('memory').map((at) => plain(at, 'memory', 0, at.scene)),
      ...saturated
        .filter(({ scene }) => scene.startsWith('100 '))
        .map((at) => plain(at, 'memory', 0, `during ${at.scene}`)),
    ]),
  ];
}

function pacedTables(
  results: Results,
  plain: (scene: Scene, metric: Metric, digits: number, title: string) => Column,
): readonly string[] {
  const paced = results.scenes('paced');
  if (paced.length === 0) return [];
  const latency = paced.map((at) => ({
    title: `${at.scene} sessions`,
    of: (peer: PeerName) => {
      const [p50, p99] = [results.median(at, peer, 'p50'), results.median(at, peer, 'p99')];
      return `${number(p50, 2)} / ${number(p99, 1)}`;
    },
  }));
  const carried = {
    title: 'carried',
    of: (peer: PeerName) => {
      const found = knee(results, peer);
      return found === null ? '–' : `${found.atEnd ? '≥ ' : ''}${found.sessions}`;
    },
  };
  return [
    table('Paced voice, 50 frames a second each way, 1.3 KB: p50 / p99 ms', results, [...latency, carried]),
    table(
      'Paced voice: processor cores of the peer',
      results,
      paced.map((at) => plain(at, 'cores', 2, at.scene)),
    ),
    table(
      'Paced voice: share of frames that came back',
      results,
      paced.map((at) => plain(at, 'echoedShare', 4, at.scene)),
    ),
    table(
      'Paced voice: how late the generator itself sent, p99 ms (large: this machine is too busy to measure)',
      results,
      paced.map((at) => plain(at, 'generatorLate', 1, at.scene)),
    ),
  ];
}

function table(title: string, results: Results, columns: readonly Column[]): string {
  if (columns.length === 0) return '';
  const rows = [
    ['', ...columns.map((column) => column.title)],
    ...results.peers().map((peer) => [peer, ...columns.map((column) => column.of(peer))]),
  ];
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at + 1]?.length ?? 0)));
  const lines = rows.map(
    ([name = '', ...cells]) =>
      `  ${name.padEnd(12)}${cells.map((cell, at) => `  ${cell.padStart(widths[at] ?? 0)}`).join('')}`,
  );
  return [title, ...lines].join('\n');
}

function figure(results: Results, at: Scene, peer: PeerName, metric: Metric, digits: number): string {
  const ratio = (base: PeerName): string => {
    const value = results.ratio(at, peer, base, metric);
    return (value === null ? '–' : value < 0.1 ? value.toFixed(3) : value.toFixed(2)).padStart(5);
  };
  return `${number(results.median(at, peer, metric), digits)} (${ratio('direct')}, ${ratio('bare')})`;
}

function number(value: number | null, digits: number): string {
  return value === null
    ? '–'
    : value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function frameLines(results: Results): string {
  const lines = results.peers().map((peer) => {
    const [sent, lost, wrong] = (['sent', 'lost', 'wrong'] as const).map((metric) =>
      results.total(peer, metric),
    );
    return `  ${peer.padEnd(12)}  ${number(sent ?? 0, 0)} sent, ${number(lost ?? 0, 0)} lost, ${number(wrong ?? 0, 0)} wrong or out of turn`;
  });
  return ['Frames, every echo compared byte for byte', ...lines].join('\n');
}

function barLines(results: Results): string {
  const found = bars(results);
  const lines = found.map(
    ({ peer, what, verdict, detail }) => `  ${verdict.padEnd(12)}  ${peer}  ${what}  ${detail}`,
  );
  return ['Bars', ...lines].join('\n');
}

function failureLine({ measure, scene, peer, round, reason }: Failure): string {
  return `  ${measure} ${scene}, ${peer}, round ${round + 1}: ${reason}`;
}
