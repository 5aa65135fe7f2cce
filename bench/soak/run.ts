/** One soak: a server, an upstream, clients, and faults by a seed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { DigestShape } from '../../protocol/log-digest.ts';
import { type ParleyProcess, startParley } from '../../test/support/parley-process.ts';
import { eventsOf, get } from '../../test/support/rest.ts';
import { SoakClient } from './client.ts';
import { digestOf, logProblems } from './log.ts';
import { SoakUpstream } from './upstream.ts';

export interface SoakOptions {
  readonly seed: number;
  readonly sessions: number;
  /** Both ways together. */
  readonly frames: number;
  readonly faults: number;
  /** Of the faults, how many take the whole server. */
  readonly kills: number;
  readonly report: (line: string) => void;
}

export interface SoakResult {
  readonly frames: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly comebacks: number;
  readonly refusals: number;
  /** Of the refusals, those of sessions that had ended. */
  readonly ended: number;
  readonly dials: number;
  /** Missing where a loss cannot be told: sent in the moment before a cut. */
  readonly missing: number;
  readonly problems: readonly string[];
}

const CODES = [1001, 1006, 1011, 1012, 1013] as const;
const FAULTS = ['client cut', 'upstream closed', 'slow reader'] as const;
const ROUND_FRAMES = 25;
const PADDING = 'x'.repeat(120);
const SLOW_MS = 300;
const SETTLE_TRIES = 4000;

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const random = mulberry32(options.seed);
  const pick: Pick = (list) => list[Math.floor(random() * list.length)] ?? list[0];
  const dataDir = mkdtempSync(`${tmpdir()}/parley-soak-`);
  const upstream = new SoakUpstream();
  await upstream.listen();
  const env = { OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: 'sk-soak' };
  let parley: ParleyProcess = await startParley({ dataDir, env });
  const clients = Array.from({ length: options.sessions }, (_, index) => {
    const id = `s${options.seed}-${index}`;
    return new SoakClient(
      id,
      () => parley,
      () => upstream.talk(id).received.declareLoss(),
    );
  });
  await Promise.all(clients.map((client) => client.connect()));
  const counted: Record<string, number> = {};
  const note = (name: string): void => void (counted[name] = (counted[name] ?? 0) + 1);
  const rounds = Math.ceil(options.frames / (options.sessions * ROUND_FRAMES * 2));
  const faultEvery = rounds / options.faults;
  const killEvery = options.kills === 0 ? Number.POSITIVE_INFINITY : rounds / options.kills;
  let nextFault = faultEvery;
  let nextKill = killEvery / 2;
  for (let round = 0; round < rounds; round += 1) {
    for (const client of clients) {
      client.send(ROUND_FRAMES, PADDING);
      upstream.say(client.id, ROUND_FRAMES, PADDING);
    }
    await turn();
    for (; round >= nextFault; nextFault += faultEvery)
      note(strike(pick, clients[Math.floor(random() * clients.length)] ?? null, upstream));
    if (round >= nextKill) {
      nextKill += killEvery;
      note('kill -9');
      for (const client of clients) client.serverKilled();
      await parley.kill();
      parley = await startParley({ dataDir, env });
      options.report(`killed and started again at round ${round} of ${rounds}`);
    }
  }
  const stuck = await settled(clients, upstream);
  for (const client of clients) client.finish();
  const problems = [...stuck, ...upstream.problems, ...(await checkEnds(clients, parley))];
  await parley.stop();
  upstream.stop();
  rmSync(dataDir, { recursive: true, force: true });
  const sequences = [...clients.map(({ received }) => received), ...upstream.received];
  return {
    frames: sequences.reduce((sum, { frames }) => sum + frames, 0),
    faults: counted,
    comebacks: clients.reduce((sum, { comebacks }) => sum + comebacks, 0),
    refusals: clients.reduce((sum, { refusals }) => sum + refusals, 0),
    dials: upstream.dials,
    ended: clients.reduce((sum, { ended }) => sum + ended, 0),
    missing: sequences.reduce((sum, { missing }) => sum + missing, 0),
    problems: [...problems, ...sequences.flatMap((sequence) => sequence.problems)],
  };
}

/** Of a list that is not empty. */
type Pick = <T>(list: readonly [T, ...T[]]) => T;

/** One fault; returns its name. */
function strike(pick: Pick, client: SoakClient | null, upstream: SoakUpstream): string {
  const fault = pick(FAULTS);
  if (client === null) return 'nobody';
  if (fault === 'client cut') client.cut();
  else if (fault === 'slow reader') client.pause(SLOW_MS);
  else {
    const code = pick(CODES);
    upstream.close(client.id, code === 1006 ? null : code);
  }
  return fault;
}

/** Waits until a last frame of each side has arrived at the other; those that did not are a problem. */
async function settled(clients: readonly SoakClient[], upstream: SoakUpstream): Promise<readonly string[]> {
  const waiting = (): readonly SoakClient[] =>
    clients.filter(({ id, received }, index) => {
      const heard = upstream.talk(id).received.frames;
      return received.frames <= (downs[index] ?? 0) || heard <= (ups[index] ?? 0);
    });
  const downs = clients.map(({ received }) => received.frames);
  const ups = clients.map(({ id }) => upstream.talk(id).received.frames);
  for (let attempt = 0; attempt < SETTLE_TRIES && waiting().length > 0; attempt += 1) {
    for (const client of waiting()) {
      upstream.say(client.id, 1, PADDING);
      client.send(1, PADDING);
    }
    await turn();
  }
  return waiting().map(({ id }) => `${id}: nothing goes through any more`);
}

/** Each session is live still, in one piece, and ends once; and its log has what its client was sent. */
async function checkEnds(clients: readonly SoakClient[], parley: ParleyProcess): Promise<readonly string[]> {
  const headers = { authorization: `Bearer ${parley.token}` };
  const problems: string[] = [];
  for (const { session: id, received } of clients) {
    const url = `${parley.http}/v1/soak/gw/sessions/${id}`;
    await fetch(`${url}/end`, { method: 'POST', headers });
    // The envelope of docs/openapi.json.
    const { result } = (await (await fetch(url, { headers })).json()) as {
      result: { status: string; ended_reason: string };
    };
    if (result.status !== 'ended' || result.ended_reason !== 'ended_by_request')
      problems.push(`${id}: ended as ${result.ended_reason}`);
    const events = await eventsOf(parley, 'soak/gw', id);
    problems.push(...logProblems(id, events, received.last));
    const { digest } = await get<DigestShape>(parley, `/v1/soak/gw/sessions/${id}/digest`);
    if (digest !== digestOf(events)) problems.push(`${id}: its digest is not that of its log`);
  }
  return problems;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

/** A small generator of known quality: the same schedule for the same seed. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
