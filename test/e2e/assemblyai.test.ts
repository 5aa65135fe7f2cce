/** AssemblyAI's SDK, which insists on wss, pointed at Parley's HTTPS port and nothing else changed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { encodeRaw } from '../../simulators/raw-audio.ts';
import { LIMITS } from '../../session/limits.ts';
import { silent, tone } from '../support/drive-simulator.ts';
import { PCM_16K } from '../support/drive-socket.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, untilEnded } from '../support/rest.ts';
import { runNode } from '../support/run-node.ts';

let parley: ParleyProcess;

beforeAll(async () => {
  parley = await startParley({
    env: { ASSEMBLYAI_BASE_URL: 'simulator', ASSEMBLYAI_API_KEY: 'stored-key' },
  });
});
afterAll(async () => {
  await parley.stop();
});

const pieces = (): Uint8Array[] => {
  const samples = new Int16Array([...tone(1_500), ...silent(700)]);
  return Array.from({ length: samples.length / 2_400 }, (_, index) =>
    encodeRaw(samples.subarray(index * 2_400, (index + 1) * 2_400), PCM_16K),
  );
};

/** @param credential as a member of the transcriber's parameters */
async function transcribe(url: string, credential: string): Promise<string> {
  const audio = JSON.stringify(pieces().map((piece) => Buffer.from(piece).toString('base64')));
  const script = `
    import { StreamingTranscriber } from 'assemblyai';
    const transcriber = new StreamingTranscriber({
      websocketBaseUrl: ${JSON.stringify(url)}, ${credential},
      sampleRate: 16000, formatTurns: true, speechModel: 'universal-streaming-english',
    });
    const turns = [];
    let ended;
    const done = new Promise((resolve) => (ended = resolve));
    transcriber.on('error', (error) => { console.log('error', error); process.exit(1); });
    transcriber.on('turn', (turn) => {
      turns.push(turn.transcript);
      if (turn.end_of_turn && turn.turn_is_formatted) ended(turn.transcript);
    });
    const begin = await transcriber.connect();
    for (const piece of ${audio}) transcriber.sendAudio(Buffer.from(piece, 'base64'));
    const last = await done;
    await transcriber.close();
    console.log(JSON.stringify({ begun: begin.id.length > 0, turns: turns.length, last }));`;
  return runNode(script, { NODE_EXTRA_CA_CERTS: parley.certFile });
}

describe('P2 the AssemblyAI SDK', () => {
  const url = (gateway: string, path: string) =>
    `${parley.https.replace('https', 'wss')}/v1/acct/${gateway}/${path}`;

  it('P2 connects within its second, and transcribes a turn; the bill is the provider’s', async () => {
    const apiKey = `apiKey: ${JSON.stringify(parley.token)}`;
    const output = await transcribe(url('sdk', 'assemblyai'), apiKey);
    expect(JSON.parse(output)).toMatchObject({ begun: true, last: expect.stringMatching(/^[A-Z]/) });
    const session = await untilEnded(parley, 'acct/sdk');
    expect(session).toMatchObject({
      provider: 'assemblyai',
      model: 'universal-streaming-english',
      turns: [{ outcome: 'completed', output: 'text' }],
      audio: { in_ms: 2200 },
      usage: { response: { reports: 1 } },
    });
    const events = await eventsOf(parley, 'acct/sdk', session.id);
    const bill = events.map(({ text }) => text ?? '').find((text) => text.includes('"Termination"'));
    const { session_duration_seconds: seconds } = JSON.parse(bill ?? '') as {
      session_duration_seconds: number;
    };
    expect(session.usage.response.seconds).toBe(seconds);
    // The SDK sent it itself, and it was not sent again.
    expect(events.filter(({ text }) => text === '{"type":"Terminate"}')).toHaveLength(1);
  });

  it('P2 the provider’s own path works, with a token by query', async () => {
    const token = `token: ${JSON.stringify(parley.token)}`;
    const output = await transcribe(url('native', 'assemblyai/v3/ws'), token);
    expect(JSON.parse(output)).toMatchObject({ begun: true });
    expect(await untilEnded(parley, 'acct/native')).toMatchObject({ status: 'ended' });
  });
});

describe('P2 plain clients of AssemblyAI', () => {
  const open = (gateway: string, more = ''): WebSocket =>
    new WebSocket(`${parley.ws}/v1/acct/${gateway}/assemblyai?sample_rate=16000${more}`, {
      headers: { authorization: 'a-key-of-my-own', 'cf-aig-authorization': parley.token },
    });

  it('P8 a client that just hangs up: the session is terminated, so it is not billed on', async () => {
    const socket = open('hang-up');
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', () => resolve());
    });
    socket.terminate();
    const session = await untilEnded(parley, 'acct/hang-up');
    expect(session).toMatchObject({
      ended_reason: 'client_lost',
      key_source: 'client',
      usage: { response: { reports: 1 } },
    });
    const events = await eventsOf(parley, 'acct/hang-up', session.id);
    expect(events.slice(-2).map(({ text }) => (JSON.parse(text ?? '') as { type: string }).type)).toEqual([
      'Terminate',
      'Termination',
    ]);
  });

  it('P5 P8 sockets that are lost without a bill, each time, are measured each', async () => {
    const socket = open('lost', '&faults=drop_after=1');
    const code = await new Promise<number>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('close', resolve);
    });
    expect(code).toBe(1011);
    const session = await untilEnded(parley, 'acct/lost');
    const sockets = 1 + LIMITS.redials;
    expect(session.usage.response.reports).toBe(sockets);
    // The simulator holds each for a second; between them nothing is open.
    expect(session.usage.response.seconds).toBeGreaterThan(0.9 * sockets);
    expect(session.usage.response.seconds).toBeLessThan((session.duration_ms ?? 0) / 1000);
  });

  it('P1 a chunk that is too short crosses as the provider’s own close', async () => {
    const socket = open('short');
    const closed = await new Promise<{ code: number; reason: string }>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('open', () => socket.send(new Uint8Array(320)));
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    expect(closed).toMatchObject({ code: 3007, reason: expect.stringContaining('Input duration') });
    expect(await untilEnded(parley, 'acct/short')).toMatchObject({ close_code: 3007, errors: 1 });
  });
});
