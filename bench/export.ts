/**
 * How long a long session takes to be given back in each form, and what the server's memory grows by meanwhile: over
 * HTTP on plain workerd. `node bench/export.ts [minutes]`, 60 without; build first.
 *
 * The log is written straight into the recorder's database file, by the code that writes it in the object: voice both
 * ways without a pause, 50 frames a second each, 24 kHz PCM in OpenAI's events.
 */
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import WebSocket from 'ws';
import type { NumberedRecord } from '../protocol/recording.ts';
import { SegmentWriter } from '../protocol/segment.ts';
import { LIMITS } from '../session/limits.ts';
import { SessionStore } from '../storage/session-store.ts';
import { type ParleyProcess, startParley } from '../test/support/parley-process.ts';
import { sessionOf, untilEnded } from '../test/support/rest.ts';
import { databaseIn } from '../test/support/sqlite.ts';
import { processInfo } from './process-cost.ts';

const GATEWAY = 'bench/export';
const SESSION = 'long';
const PATH = `/v1/${GATEWAY}/sessions/${SESSION}`;
const MIB = 1024 * 1024;
const FRAMES_A_SECOND = 50;
const FRAME_MS = 1000 / FRAMES_A_SECOND;
const FRAME_BYTES = 960;
/** A turn every so often: a transcript each way. */
const TURN_FRAMES = FRAMES_A_SECOND * 20;
const SAMPLE_MS = 20;
const STALL_MS = 5_000;
/** Different ones, so that nothing gains from repetition. */
const SOUNDS = Array.from({ length: 256 }, () =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(FRAME_BYTES))).toString('base64'),
);

/** What is asked for. `stalls`: its reader takes the beginning, and then nothing for a while. */
const EXPORTS: readonly { readonly name: string; readonly path: string; readonly stalls?: true }[] = [
  { name: 'a page of 1,000 events, from the middle', path: '/events.json?after=180000' },
  { name: 'events.ndjson', path: '/events.ndjson' },
  { name: 'events.ndjson, payloads as JSON values', path: '/events.ndjson?payload=parsed' },
  { name: 'events.ndjson, one direction', path: '/events.ndjson?direction=up' },
  { name: 'events.ndjson, sound folded', path: '/events.ndjson?fold=audio' },
  { name: 'events.sse', path: '/events.sse' },
  { name: 'events.ndjson, its reader stalls for 5 s', path: '/events.ndjson', stalls: true },
  { name: 'transcript.vtt', path: '/transcript.vtt' },
  { name: 'export.har', path: '/export.har' },
  { name: 'digest', path: '/digest' },
  { name: 'audio.wav', path: '/audio.wav' },
  { name: 'export.zip', path: '/export.zip' },
  { name: 'events.ndjson, once more', path: '/events.ndjson' },
  { name: 'events.ndjson, a third time', path: '/events.ndjson' },
];

const minutes = Number(process.argv[2] ?? 60);
const dataDir = mkdtempSync(`${tmpdir()}/parley-export-`);
try {
  await begin();
  const { frames, bytes, seconds } = fill();
  console.log(
    `${minutes} minutes: ${frames} frames, ${(bytes / MIB).toFixed(0)} MiB on disk, written in ${seconds.toFixed(1)} s\n`,
  );
  await measure();
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}

/** Leaves a session behind that has ended, whose log is nearly empty. */
async function begin(): Promise<void> {
  const parley = await startParley({ dataDir });
  const socket = new WebSocket(
    `${parley.ws}/v1/${GATEWAY}/simulator?model=gpt-realtime&parley-session=${SESSION}`,
    {
      headers: { 'cf-aig-authorization': `Bearer ${parley.token}` },
    },
  );
  await new Promise((resolve) => socket.once('message', resolve));
  await fetch(`${parley.http}${PATH}/end`, {
    method: 'POST',
    headers: { authorization: `Bearer ${parley.token}` },
  });
  await untilEnded(parley, GATEWAY, SESSION);
  socket.terminate();
  await parley.stop();
}

/** One of the recorders has a log by now: that of our session. */
function fill(): { frames: number; bytes: number; seconds: number } {
  const [file] = globSync(`${dataDir}/objects/*[Rr]ecorder*/*.sqlite`).filter(
    (name) => !name.includes('metadata'),
  );
  if (file === undefined) throw new Error(`no recorder's database in ${dataDir}`);
  const database = new DatabaseSync(file);
  const store = new SessionStore(databaseIn(database));
  const last = store.lastNumbers();
  const startedAt = performance.now();
  const writer = new SegmentWriter(LIMITS.segmentBytes, { segment: last.segment, written: 0 });
  const begunAt = store.view()?.opening.startedAt ?? Date.now();
  const count = minutes * 60 * FRAMES_A_SECOND;
  const decoder = { seq: last.seq, record: last.record };
  for (let n = 0; n < count; n += 1) {
    const at = begunAt + n * FRAME_MS;
    decoder.seq += 1;
    writer.append(
      decoder.seq,
      frameOf('up', at, `{"type":"input_audio_buffer.append","audio":"${SOUNDS[n % 256]}"}`),
      true,
    );
    decoder.seq += 1;
    writer.append(
      decoder.seq,
      frameOf(
        'down',
        at,
        `{"type":"response.output_audio.delta","event_id":"event_${n}","response_id":"resp_${n}","item_id":"item_${n}","output_index":0,"content_index":0,"delta":"${SOUNDS[(n + 1) % 256]}"}`,
      ),
      true,
    );
    if (n % TURN_FRAMES === TURN_FRAMES - 1 || n === count - 1) {
      const records = [said(decoder, 'user', at), said(decoder, 'model', at)];
      const segments = writer.take().map((segment) => ({ ...segment, codec: 'raw' as const }));
      store.append(segments, { records, totals: null, live: null });
    }
  }
  const bytes = store.view()?.logBytes ?? 0;
  database.close();
  return { frames: decoder.seq, bytes, seconds: (performance.now() - startedAt) / 1000 };
}

function frameOf(direction: 'up' | 'down', at: number, payload: string) {
  return { direction, client: direction === 'up' ? 1 : 0, at, payload, translated: false };
}

function said(numbers: { seq: number; record: number }, speaker: string, at: number): NumberedRecord {
  numbers.record += 1;
  return {
    number: numbers.record,
    kind: 'transcript',
    seq: numbers.seq,
    at,
    body: { speaker, item_id: `item_${numbers.record}`, text: 'What is said in twenty seconds. '.repeat(8) },
  };
}

async function measure(): Promise<void> {
  const parley = await startParley({ dataDir });
  try {
    await sessionOf(parley, GATEWAY, SESSION);
    console.log('| Form | Size | Time | Memory before | at most | grown by |\n|---|---|---|---|---|---|');
    for (const { name, path, stalls = false } of EXPORTS) {
      const before = residentMiB(parley);
      const { bytes, seconds, most } = await take(parley, path, stalls);
      console.log(
        `| ${name} | ${(bytes / MIB).toFixed(1)} MiB | ${seconds.toFixed(1)} s | ${before.toFixed(0)} MiB | ${most.toFixed(0)} MiB | ${(most - before).toFixed(0)} MiB |`,
      );
    }
  } finally {
    await parley.stop();
  }
}

async function take(parley: ParleyProcess, path: string, stalls: boolean) {
  let most = residentMiB(parley);
  const sampler = setInterval(() => (most = Math.max(most, residentMiB(parley))), SAMPLE_MS);
  const startedAt = performance.now();
  let bytes = 0;
  const leaving = new AbortController();
  try {
    const answer = await fetch(`${parley.http}${PATH}${path}`, {
      headers: { authorization: `Bearer ${parley.token}` },
      signal: leaving.signal,
    });
    if (!answer.ok || answer.body === null) throw new Error(`${path}: ${answer.status}`);
    for await (const chunk of answer.body) {
      bytes += chunk.length;
      if (!stalls) continue;
      await new Promise((resolve) => setTimeout(resolve, STALL_MS));
      break;
    }
  } finally {
    clearInterval(sampler);
    leaving.abort();
  }
  return { bytes, seconds: (performance.now() - startedAt) / 1000, most };
}

function residentMiB({ workerdPid }: ParleyProcess): number {
  return processInfo(workerdPid)?.residentMiB ?? Number.NaN;
}
