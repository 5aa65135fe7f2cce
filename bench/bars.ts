/** The promises about speed, checked against the bare relay of the same run. */
import type { PeerName } from './peers.ts';
import type { Metric, Results, Scene } from './results.ts';

export interface Bar {
  readonly peer: PeerName;
  readonly what: string;
  readonly verdict: 'pass' | 'miss' | 'not measured';
  readonly detail: string;
}

/** What a voice may be late without being felt. */
export const LATE_MS = 20;
/** A session that loses more than one frame in a thousand is not carried. */
const CARRIED_SHARE = 0.999;

const ALLOWED: readonly (readonly [PeerName, number])[] = [
  ['parley-none', 0.1],
  ['parley-full', 0.15],
];

export function bars(results: Results): readonly Bar[] {
  return ALLOWED.flatMap(([peer, allowed]) => [
    ...results.scenes('rtt').map((scene) => ratioBar(results, peer, scene, 'p50', 1 + allowed)),
    ...results
      .scenes('saturated')
      .filter(({ scene }) => scene.endsWith('200 B'))
      .map((scene) => ratioBar(results, peer, scene, 'perSecond', 1 - allowed)),
    pacedBar(results, peer, 1 - allowed),
  ]);
}

/** The most sessions tested up to which every number was carried with p99 under 20 ms. */
export function knee(
  results: Results,
  peer: PeerName,
): { readonly sessions: number; readonly atEnd: boolean } | null {
  const scenes = results.scenes('paced');
  let sessions = 0;
  for (const scene of scenes) {
    const p99 = results.median(scene, peer, 'p99');
    const share = results.median(scene, peer, 'echoedShare');
    if (p99 === null || share === null) return null;
    if (p99 >= LATE_MS || share < CARRIED_SHARE) return { sessions, atEnd: false };
    sessions = Number(scene.scene);
  }
  return scenes.length === 0 ? null : { sessions, atEnd: true };
}

/** Bound over 1: the ratio must not be above it; under 1: not below it. */
function ratioBar(results: Results, peer: PeerName, scene: Scene, metric: Metric, bound: number): Bar {
  const what = scene.measure === 'rtt' ? `round trip p50, ${scene.scene}` : `saturated, ${scene.scene}`;
  const ratio = results.ratio(scene, peer, 'bare', metric);
  if (ratio === null) return { peer, what, verdict: 'not measured', detail: '' };
  const holds = bound > 1 ? ratio <= bound : ratio >= bound;
  const detail = `${ratio.toFixed(2)} × bare (bar: at ${bound > 1 ? 'most' : 'least'} ${bound.toFixed(2)})`;
  return { peer, what, verdict: holds ? 'pass' : 'miss', detail };
}

function pacedBar(results: Results, peer: PeerName, least: number): Bar {
  const what = `paced sessions, p99 < ${LATE_MS} ms`;
  const [own, bare] = [knee(results, peer), knee(results, 'bare')];
  if (own === null || bare === null || bare.sessions === 0)
    return { peer, what, verdict: 'not measured', detail: bare?.sessions === 0 ? 'bare carried none' : '' };
  const count = `${own.sessions} against ${bare.sessions} of bare (bar: at least ${least.toFixed(2)} ×)`;
  const note = own.atEnd && bare.atEnd ? '; both carried the most that was tried' : '';
  return {
    peer,
    what,
    verdict: own.sessions >= least * bare.sessions ? 'pass' : 'miss',
    detail: count + note,
  };
}
