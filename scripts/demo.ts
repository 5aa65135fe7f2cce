/**
 * `npm run demo`: three scripted sessions against the built-in simulator, read back over REST and printed. Exit code 0
 * only if all of it was recorded as it happened.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import type { SessionShape } from '../protocol/rest.ts';
import { Conversation } from './demo/conversation.ts';
import { ROOT } from './wrangler.ts';

const TOKEN = randomBytes(24).toString('base64url');
const GATEWAY = 'demo/default';
/** The simulator speaks its answers this many times faster than they sound. */
const SPEED = 10;
/** Played by the simulator, so that it has a price. */
const MODEL = 'gpt-realtime';

interface Scene {
  readonly name: string;
  readonly id: string;
  /** What must be in the record; each that is not is a sentence. */
  readonly check: (
    session: SessionShape,
    events: readonly { readonly type: string | null }[],
  ) => (string | false)[];
}

const dataDir = mkdtempSync(`${tmpdir()}/parley-demo-`);
const port = await freePort();
const tlsPort = await freePort();
const http = `http://127.0.0.1:${port}`;
const server = spawn(process.execPath, [`${ROOT}scripts/start.ts`], {
  env: {
    ...process.env,
    PORT: String(port),
    TLS_PORT: String(tlsPort),
    PARLEY_DATA_DIR: dataDir,
    PARLEY_DEV_VARS: `${dataDir}/dev.vars`,
    PARLEY_ADMIN_TOKEN: TOKEN,
    OPENAI_BASE_URL: 'simulator',
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
let failures: string[];
try {
  await ready();
  console.log('three sessions with the built-in simulator …\n');
  const scenes = [await voiceTurnWithTool(), await interruption(), await refusedKey()];
  failures = await report(scenes);
} finally {
  server.kill('SIGTERM');
  await new Promise((resolve) => server.once('exit', resolve));
  rmSync(dataDir, { recursive: true, force: true });
}
for (const failure of failures) console.error(`✕ ${failure}`);
console.log(failures.length === 0 ? '\n✓ all of it was recorded and read back' : '\nthe demo failed');
process.exit(failures.length === 0 ? 0 : 1);

function connect(query: string, headers: Readonly<Record<string, string>> = {}): Promise<Conversation> {
  const url = `${http.replace('http', 'ws')}/v1/${GATEWAY}/openai?model=${MODEL}&seed=7&speed=${SPEED}${query}`;
  return Conversation.open(url, { 'cf-aig-authorization': `Bearer ${TOKEN}`, ...headers });
}

/** The user speaks; the model calls a tool; its answer is spoken. */
async function voiceTurnWithTool(): Promise<Scene> {
  const call = await connect('');
  await call.until('session.created');
  const weather = {
    type: 'function',
    name: 'get_weather',
    description: 'The weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  };
  const input = { transcription: { model: 'gpt-4o-mini-transcribe' }, turn_detection: null };
  call.send({
    type: 'session.update',
    session: { type: 'realtime', tools: [weather], tool_choice: 'required', audio: { input } },
  });
  await call.until('session.updated');
  for (const audio of speech(1_200)) call.send({ type: 'input_audio_buffer.append', audio });
  call.send({ type: 'input_audio_buffer.commit' });
  call.send({ type: 'response.create' });
  const { call_id } = await call.until('response.function_call_arguments.done');
  await call.until('response.done');
  call.send({ type: 'session.update', session: { type: 'realtime', tool_choice: 'auto' } });
  const output = '{"city":"Oslo","celsius":3}';
  call.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id, output } });
  call.send({ type: 'response.create' });
  await call.until('response.done');
  await call.close();
  return {
    name: 'a voice turn with a tool call',
    id: call.id,
    check: (session, events) => [
      session.tool_calls === 1 ? false : `the tool call is not in the record (${session.tool_calls})`,
      session.turns.length === 2 ? false : `two turns were taken, ${session.turns.length} recorded`,
      (session.audio.out_ms ?? 0) > 0 ? false : 'no spoken answer was recorded',
      (session.audio.in_ms ?? 0) >= 1_200 ? false : 'the user’s audio was not recorded',
      session.usage.response.reports === 2 ? false : 'the usage of two responses was not recorded',
      session.cost.complete && Number(session.cost.usd) > 0
        ? false
        : `not all of it has a price: ${JSON.stringify(session.cost)}`,
      events.some(({ type }) => type === 'conversation.item.input_audio_transcription.completed')
        ? false
        : 'the user’s words were not transcribed',
    ],
  };
}

/** The user speaks while the model does: voice activity detection cuts the answer. */
async function interruption(): Promise<Scene> {
  const call = await connect('');
  await call.until('session.created');
  const content = [{ type: 'input_text', text: 'Tell me a long story about the sea.' }];
  call.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
  call.send({ type: 'response.create' });
  await call.until('response.output_audio.delta');
  for (const audio of speech(600)) call.send({ type: 'input_audio_buffer.append', audio });
  await call.until('input_audio_buffer.speech_started');
  const done = await call.until('response.done');
  const { status } = done['response'] as { readonly status: string }; // response.done carries a response
  if (status !== 'cancelled') throw new Error(`the answer was not interrupted but ${status}`);
  await call.close();
  return {
    name: 'an interruption',
    id: call.id,
    check: (session) => [
      session.interruptions === 1
        ? false
        : `the interruption is not in the record (${session.interruptions})`,
      session.turns[0]?.outcome === 'interrupted' ? false : 'the turn is not marked as interrupted',
    ],
  };
}

/** The provider refuses the client's key, as OpenAI does: an error event, then a close. */
async function refusedKey(): Promise<Scene> {
  const call = await connect('', { authorization: 'Bearer sk-bad-key-of-the-demo' });
  const { code } = await call.closed();
  return {
    name: 'a refused key',
    id: call.id,
    check: (session) => [
      code === 3000 ? false : `the client heard ${code}, the provider said 3000`,
      session.close_code === 3000 ? false : `the close code is not in the record (${session.close_code})`,
      session.ended_reason === 'upstream_closed' ? false : `the record says ${session.ended_reason}`,
      session.errors === 1 ? false : 'the provider’s error is not in the record',
    ],
  };
}

async function report(scenes: readonly Scene[]): Promise<string[]> {
  const failed: string[] = [];
  const rows: Record<string, string | number>[] = [];
  for (const { name, id, check } of scenes) {
    const session = await read<SessionShape>(`/v1/${GATEWAY}/sessions/${id}`);
    const events = await allEvents(id);
    const logged = events.length === session.frames.up + session.frames.down;
    const problems = [
      session.status === 'ended' ? false : 'it is not marked as ended',
      logged
        ? false
        : `${events.length} frames in the log, ${session.frames.up + session.frames.down} relayed`,
      ...check(session, events),
    ];
    failed.push(...problems.filter((problem) => problem !== false).map((problem) => `${name}: ${problem}`));
    const { tokens } = session.usage.response;
    rows.push({
      session: name,
      'duration s': ((session.duration_ms ?? 0) / 1_000).toFixed(1),
      turns: session.turns.length,
      'first output ms': session.latency.p50_ms ?? '–',
      'tokens in': tokens.input_text + tokens.input_audio,
      'tokens out': tokens.output_text + tokens.output_audio,
      'cost $': session.cost.usd?.slice(0, -3) ?? '–',
      'audio out s': ((session.audio.out_ms ?? 0) / 1_000).toFixed(1),
      frames: events.length,
      ended: `${session.ended_reason} (${session.close_code})`,
    });
  }
  console.table(rows);
  console.log(
    `cost: by the list prices of ${MODEL} and its transcription; the simulator itself costs nothing`,
  );
  const listed = await read<readonly { readonly id: string }[]>(`/v1/${GATEWAY}/sessions`);
  if (listed.length !== scenes.length)
    failed.push(`${listed.length} sessions are listed, ${scenes.length} were held`);
  return failed;
}

/** Something that sounds enough like speech for voice activity detection: 24 kHz PCM16, in pieces of 100 ms. */
function* speech(ms: number): Generator<string> {
  const rate = 24_000;
  for (let start = 0; start < ms; start += 100) {
    const samples = Int16Array.from({ length: rate / 10 }, (_, index) => {
      const t = start / 1_000 + index / rate;
      return 9_000 * Math.sin(2 * Math.PI * 180 * t) * (0.6 + 0.4 * Math.sin(2 * Math.PI * 4 * t));
    });
    yield Buffer.from(samples.buffer).toString('base64');
  }
}

async function read<T>(path: string): Promise<T> {
  const answer = await fetch(http + path, { headers: { authorization: `Bearer ${TOKEN}` } });
  const body = (await answer.json()) as { readonly success: boolean; readonly result: T }; // the envelope of docs/openapi.json
  if (!body.success) throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(body)}`);
  return body.result;
}

async function allEvents(id: string): Promise<{ readonly type: string | null }[]> {
  const answer = await fetch(`${http}/v1/${GATEWAY}/sessions/${id}/events`, {
    headers: { authorization: `Bearer ${TOKEN}`, accept: 'application/x-ndjson' },
  });
  const lines = (await answer.text()).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as { readonly type: string | null }); // one event of docs/openapi.json a line
}

async function ready(): Promise<void> {
  let output = '';
  await new Promise<void>((resolve, reject) => {
    server.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('npm run demo')) resolve();
    });
    server.once('exit', (code) => reject(new Error(`Parley did not start (exit code ${code}).`)));
  });
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => {
    probe.listen(0, '127.0.0.1', resolve);
  });
  const address = probe.address();
  await new Promise((resolve) => {
    probe.close(resolve);
  });
  if (address === null || typeof address === 'string') throw new Error('this machine has no free port');
  return address.port;
}
