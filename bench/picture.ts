/** The figures as a picture: bars for round trips and saturation, lines for paced voice. */
import { LATE_MS } from './bars.ts';
import type { PeerName } from './peers.ts';
import type { Metric, Results, Scene } from './results.ts';
import { dot, path, peerClass, picture, rect, text } from './svg.ts';

const WIDTH = 960;
const MARGIN = 28;
const GAP = 32;
const PANEL = (WIDTH - 2 * MARGIN - GAP) / 2;
const NAME_WIDTH = 84;
const LABEL_WIDTH = 140;
const BAR_WIDTH = PANEL - NAME_WIDTH - LABEL_WIDTH;
const ROW = 22;
const BAR = 13;
const CHART_HEIGHT = 190;
const AXIS_WIDTH = 36;
const LEGEND_STEP = 87;
/** What is faster by orders of magnitude is cut, with a mark, so that the relays can be told apart. */
const HEADROOM = 1.3;

interface Row {
  readonly peer: PeerName;
  readonly value: number;
  /** The end of the thin line: a tail of the distribution. */
  readonly tail: number | null;
  readonly label: string;
  readonly ratio: string;
}

interface Block {
  readonly height: number;
  readonly shapes: (x: number, y: number) => readonly string[];
}

export function drawPicture(results: Results, madeOn: string): string {
  const body: string[] = [];
  let y = MARGIN + 14;
  body.push(text(MARGIN, y, 'title ink', 'Parley beside its peers'));
  body.push(
    text(
      MARGIN,
      y + 20,
      'small soft',
      `${madeOn}. Medians over interleaved rounds; × is the ratio to the bare relay.`,
    ),
  );
  y += 52;
  for (const [heading, blocks] of sections(results)) {
    if (blocks.length === 0) continue;
    body.push(text(MARGIN, y, 'head ink', heading));
    y += 14;
    for (let at = 0; at < blocks.length; at += 2) {
      const pair = blocks.slice(at, at + 2);
      pair.forEach((block, column) => body.push(...block.shapes(MARGIN + column * (PANEL + GAP), y)));
      y += Math.max(...pair.map(({ height }) => height)) + 14;
    }
    y += 18;
  }
  const height = y - 8;
  const ground = [rect(0, 0, WIDTH, height, 'ground', 8), rect(0.5, 0.5, WIDTH - 1, height - 1, 'frame', 8)];
  return picture(WIDTH, height, 'Benchmark results as bars and lines', [...ground, ...body]);
}

function sections(results: Results): readonly (readonly [string, readonly Block[]])[] {
  const paced = results.scenes('paced');
  return [
    [
      'Round trip of one session in ms: bar = p50, thin line = p99 (shorter is better)',
      results.scenes('rtt').map((at) => barBlock(results, at, 'p50', 'p99', (ms) => ms.toFixed(2))),
    ],
    [
      'Saturated: round trips a second, sessions × frame size (longer is better)',
      results
        .scenes('saturated')
        .map((at) => barBlock(results, at, 'perSecond', null, (n) => Math.round(n).toLocaleString('en'))),
    ],
    [
      'Paced voice: 50 frames a second each way in every session',
      paced.length === 0
        ? []
        : [
            lineBlock(
              results,
              paced,
              'p99',
              'p99 in ms, by sessions (logarithmic)',
              logScale(results, paced),
            ),
            lineBlock(
              results,
              paced,
              'cores',
              'processor cores of the peer, by sessions',
              coreScale(results, paced),
            ),
          ],
    ],
  ];
}

function barBlock(
  results: Results,
  at: Scene,
  metric: Metric,
  tailMetric: Metric | null,
  show: (value: number) => string,
): Block {
  const rows = results.peers().flatMap((peer): Row[] => {
    const value = results.median(at, peer, metric);
    if (value === null) return [];
    const tail = tailMetric === null ? null : results.median(at, peer, tailMetric);
    const ratio = results.ratio(at, peer, 'bare', metric);
    const label = tail === null ? show(value) : `${show(value)} / ${show(tail)}`;
    return [{ peer, value, tail, label, ratio: ratio === null ? '' : `${ratio.toFixed(2)}×` }];
  });
  const relays = rows.filter(({ peer }) => peer !== 'direct' && peer !== 'haproxy');
  const most = Math.max(
    ...(relays.length > 0 ? relays : rows).map(({ value, tail }) => Math.min(tail ?? value, 8 * value)),
  );
  return {
    height: 16 + rows.length * ROW,
    shapes: (x, y) => [
      text(x, y + 12, 'small soft', at.scene),
      ...rows.flatMap((row, index) => barRow(row, x, y + 20 + index * ROW, BAR_WIDTH / (most * HEADROOM))),
    ],
  };
}

function barRow(
  { peer, value, tail, label, ratio }: Row,
  x: number,
  y: number,
  scale: number,
): readonly string[] {
  const left = x + NAME_WIDTH;
  const middle = y + BAR / 2;
  const width = Math.min(value * scale, BAR_WIDTH);
  const tailAt = tail === null ? 0 : Math.min(tail * scale, BAR_WIDTH);
  const trace = `tail ${peerClass(peer, 'trace')}`;
  const shapes = [
    text(left - 8, y + BAR - 2, 'ink', peer, 'end'),
    rect(left, y, BAR_WIDTH, BAR, 'track', 2),
    rect(left, y, width, BAR, peerClass(peer, 'mark'), 2),
    text(left + BAR_WIDTH + 8, y + BAR - 2, 'ink', label),
    text(x + PANEL, y + BAR - 2, 'soft', ratio, 'end'),
  ];
  if (tailAt > width) {
    shapes.push(
      path(
        [
          [left + width, middle],
          [left + tailAt, middle],
        ],
        trace,
      ),
    );
    shapes.push(
      path(
        [
          [left + tailAt, y + 2],
          [left + tailAt, y + BAR - 2],
        ],
        trace,
      ),
    );
  }
  const cut = Math.max(value, tail ?? 0) * scale > BAR_WIDTH;
  if (cut) {
    for (const shift of [16, 21]) {
      const foot = left + BAR_WIDTH - shift;
      shapes.push(
        path(
          [
            [foot, y + BAR + 1],
            [foot + 5, y - 1],
          ],
          'break',
        ),
      );
    }
  }
  return shapes;
}

interface Scale {
  readonly ticks: readonly number[];
  /** From 0 at the foot to 1 at the top. */
  readonly at: (value: number) => number;
  readonly bound: number | null;
}

function logScale(results: Results, scenes: readonly Scene[]): Scale {
  const values = valuesOf(results, scenes, 'p99');
  const low = Math.floor(Math.log10(Math.min(1, ...values)));
  const high = Math.ceil(Math.log10(Math.max(100, ...values)));
  const ticks = Array.from({ length: high - low + 1 }, (_, step) => 10 ** (low + step));
  return { ticks, at: (value) => (Math.log10(value) - low) / (high - low), bound: LATE_MS };
}

function coreScale(results: Results, scenes: readonly Scene[]): Scale {
  const most = Math.max(0.2, ...valuesOf(results, scenes, 'cores'));
  const step = most > 0.6 ? 0.2 : 0.1;
  const count = Math.ceil(most / step);
  const ticks = Array.from({ length: count + 1 }, (_, at) => Math.round(at * step * 10) / 10);
  return { ticks, at: (value) => value / (count * step), bound: null };
}

function valuesOf(results: Results, scenes: readonly Scene[], metric: Metric): readonly number[] {
  return results
    .peers()
    .flatMap((peer) => scenes.flatMap((at) => results.median(at, peer, metric) ?? []))
    .filter((value) => value > 0);
}

function lineBlock(
  results: Results,
  scenes: readonly Scene[],
  metric: Metric,
  title: string,
  scale: Scale,
): Block {
  const most = Math.max(...scenes.map(({ scene }) => Number(scene)));
  const shown = results
    .peers()
    .filter((peer) => scenes.some((at) => results.median(at, peer, metric) !== null));
  return {
    height: CHART_HEIGHT + 66,
    shapes: (x, y) => {
      const foot = y + 24 + CHART_HEIGHT;
      const across = (sessions: number): number =>
        x + AXIS_WIDTH + ((PANEL - AXIS_WIDTH - 12) * sessions) / most;
      const up = (value: number): number => foot - CHART_HEIGHT * scale.at(value);
      const traces = shown.flatMap((peer) => {
        const points = scenes.flatMap((at): (readonly [number, number])[] => {
          const value = results.median(at, peer, metric);
          return value === null || value <= 0 ? [] : [[across(Number(at.scene)), up(value)]];
        });
        return [
          path(points, `line ${peerClass(peer, 'trace')}`),
          ...points.map(([px, py]) => dot(px, py, peerClass(peer, 'mark'))),
        ];
      });
      return [
        text(x, y + 12, 'small soft', title),
        ...axes(scale, scenes, across, up, x, foot),
        ...traces,
        ...legend(shown, x + 8, foot + 38),
      ];
    },
  };
}

function axes(
  { ticks, bound }: Scale,
  scenes: readonly Scene[],
  across: (sessions: number) => number,
  up: (value: number) => number,
  x: number,
  foot: number,
): readonly string[] {
  const [left, right] = [x + AXIS_WIDTH, x + PANEL];
  const shapes = ticks.flatMap((tick) => [
    path(
      [
        [left, up(tick)],
        [right, up(tick)],
      ],
      'gridline',
    ),
    text(left - 8, up(tick) + 4, 'small soft', String(tick), 'end'),
  ]);
  for (const { scene } of scenes)
    shapes.push(text(across(Number(scene)), foot + 17, 'small soft', scene, 'middle'));
  if (bound !== null) {
    shapes.push(
      path(
        [
          [left, up(bound)],
          [right, up(bound)],
        ],
        'bound',
      ),
    );
    shapes.push(text(left + 4, up(bound) - 5, 'small warn', `${bound} ms: late`));
  }
  return shapes;
}

function legend(peers: readonly PeerName[], x: number, y: number): readonly string[] {
  return peers.flatMap((peer, at) => {
    const left = x + at * LEGEND_STEP;
    return [rect(left, y - 9, 10, 10, peerClass(peer, 'mark'), 2), text(left + 14, y, 'small ink', peer)];
  });
}
