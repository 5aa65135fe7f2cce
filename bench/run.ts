/** `npm run bench`: Parley beside a direct connection, a byte-level proxy and a bare relay, in one run. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { bars, knee } from './bars.ts';
import { type Child, killRemaining, stopAll } from './children.ts';
import { machine } from './machine.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { type Peer, SkippedPeer, startPeer, startUpstream } from './peers.ts';
import { drawPicture } from './picture.ts';
import { machineBusySeconds, processInfo } from './process-cost.ts';
import { report } from './report.ts';
import { Results } from './results.ts';
import { type Failure, runRounds } from './rounds.ts';

const LIMIT_MS = 60 * 60_000;
const WHOLE_RUN = fileURLToPath(new URL('results', import.meta.url));

interface Skipped {
  readonly peer: string;
  readonly reason: string;
  /** It is not to be had here, as opposed to broken. */
  readonly absent: boolean;
}

const directory = mkdtempSync(`${tmpdir()}/parley-bench-`);
process.on('exit', () => {
  killRemaining();
  rmSync(directory, { recursive: true, force: true });
});
let stopping = false;
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    if (stopping) process.exit(code);
    stopping = true;
    console.error('stopping …');
    void stopAll().finally(() => process.exit(code));
  });
}
setTimeout(() => {
  console.error(`The run took more than ${LIMIT_MS / 60_000} minutes and was stopped.`);
  process.exit(1);
}, LIMIT_MS).unref();

process.exitCode = await main();

async function main(): Promise<number> {
  let options: Options | null;
  try {
    options = readOptions(process.argv.slice(2), WHOLE_RUN);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  if (options === null) {
    console.log(USAGE);
    return 0;
  }
  try {
    return await measure(options);
  } catch (error) {
    // While children are being stopped, everything that talks to them fails.
    if (!stopping) console.error(error);
    return 1;
  } finally {
    if (!stopping) await stopAll();
  }
}

async function measure(options: Options): Promise<number> {
  const about = machine();
  const date = new Date().toISOString();
  const upstream = await startUpstream();
  const { peers, skipped } = await startPeers(options, upstream.port);
  const results = new Results();
  const others = othersCores(peers, upstream.child);
  const failures = await runRounds(peers, options, results, (line) => console.error(line));
  const othersUsed = others();
  console.log(`\n${report(results, failures, skipped)}`);
  if (othersUsed !== null)
    console.log(`\nOther programs on this machine used ${othersUsed.toFixed(2)} cores during the run.`);
  const run = { about: { ...about, others_cores: othersUsed }, date, options, skipped, failures };
  write(options.out ?? mkdtempSync(`${tmpdir()}/parley-bench-results-`), run, results);
  return failures.length === 0 && skipped.every(({ absent }) => absent) ? 0 : 1;
}

/** One after the other: Parley builds when it starts. */
async function startPeers(
  { peers: names }: Options,
  upstreamPort: number,
): Promise<{ readonly peers: readonly Peer[]; readonly skipped: readonly Skipped[] }> {
  const peers: Peer[] = [];
  const skipped: Skipped[] = [];
  for (const name of names) {
    try {
      peers.push(await startPeer(name, upstreamPort, directory));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const absent = error instanceof SkippedPeer;
      skipped.push({ peer: name, reason, absent });
      console.error(`${name} ${absent ? 'is skipped' : 'did not start'}: ${reason}`);
    }
  }
  return { peers, skipped };
}

/** Cores that programs outside this benchmark use between the two calls: the noise that nobody chose. */
function othersCores(peers: readonly Peer[], upstream: Child): () => number | null {
  const own = (): number =>
    [process.pid, upstream.pid, ...peers.flatMap(({ pid }) => pid ?? [])].reduce(
      (sum, pid) => sum + (processInfo(pid)?.cpuSeconds ?? 0),
      0,
    );
  const startedAt = performance.now();
  const [busyBefore, ownBefore] = [machineBusySeconds(), own()];
  return () => {
    const busy = machineBusySeconds();
    if (busy === null || busyBefore === null) return null;
    const seconds = (performance.now() - startedAt) / 1000;
    return Math.max(0, busy - busyBefore - (own() - ownBefore)) / seconds;
  };
}

function write(
  folder: string,
  run: {
    readonly about: Readonly<Record<string, string | number | null>>;
    readonly date: string;
    readonly options: Options;
    readonly skipped: readonly Skipped[];
    readonly failures: readonly Failure[];
  },
  results: Results,
): void {
  mkdirSync(folder, { recursive: true });
  const { about, date, options, skipped, failures } = run;
  const carried = Object.fromEntries(results.peers().map((peer) => [peer, knee(results, peer)]));
  const { out: _, ...asked } = options;
  const json = {
    date,
    machine: about,
    options: asked,
    skipped,
    failures,
    carried,
    bars: bars(results),
    series: results.all(),
  };
  writeFileSync(`${folder}/latest.json`, `${JSON.stringify(json, null, 2)}\n`);
  writeFileSync(
    `${folder}/latest.svg`,
    drawPicture(results, `${about['cpu']}, ${about['cores']} cores, ${date.slice(0, 10)}`),
  );
  console.log(`\n${folder}/latest.json\n${folder}/latest.svg`);
}
