/** OpenAI's other WebSockets by its own SDK, through what `npm start` runs, with the simulator behind it. */
import { readFileSync } from 'node:fs';
import OpenAI from 'openai';
import { OpenAIRealtimeTranslationWS } from 'openai/realtime/translations/ws';
import { LiveWS } from 'openai/resources/live/ws';
import { ResponsesWS } from 'openai/resources/responses/ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asText, member, parseJson } from '../../protocol/json.ts';
import type { SessionShape } from '../../protocol/rest.ts';
import { encodeBase64 } from '../../simulators/base64.ts';
import type { Charged } from '../../simulators/ledger.ts';
import { openaiSimulator } from '../../simulators/openai.ts';
import { encodeRaw } from '../../simulators/raw-audio.ts';
import { SessionDrive } from '../support/drive-session.ts';
import { silent, tone } from '../support/drive-simulator.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, type LoggedFrame, untilEnded } from '../support/rest.ts';

const SEED = '7';
const PCM = { encoding: 'linear16', rate: 24_000, channels: 1 } as const;
const SPOKEN = [tone(1_500), silent(800)].map((samples) => encodeBase64(encodeRaw(samples, PCM)));

let parley: ParleyProcess;

beforeAll(async () => {
  parley = await startParley({ env: { OPENAI_BASE_URL: 'simulator' } });
});
afterAll(() => parley.stop());

const client = (gateway: string) =>
  new OpenAI({
    apiKey: parley.token,
    baseURL: `${parley.https}/v1/acct/${gateway}/openai`,
    defaultQuery: { seed: SEED, speed: '50' },
  });
const options = () => ({ ca: readFileSync(parley.certFile) });

interface Over {
  readonly session: SessionShape;
  readonly frames: readonly LoggedFrame[];
  /** By the simulator's own account of what went up, at the times of the log. */
  readonly charged: Charged;
}

async function over(gateway: string, path: string, query = ''): Promise<Over> {
  const session = await untilEnded(parley, `acct/${gateway}`);
  const frames = await eventsOf(parley, `acct/${gateway}`, session.id);
  const url = `https://host/v1/${path}?seed=${SEED}&speed=50${query}`;
  const played = new SessionDrive(openaiSimulator, url);
  const [first] = frames;
  for (const { at, direction, text } of frames) {
    played.pass(Math.max(0, Date.parse(at) - Date.parse(first?.at ?? at) - played.elapsed));
    if (direction === 'up') played.raw(text ?? '');
  }
  return { session, frames, charged: played.charged };
}

/** What is on record, in the simulator's meters. */
function recorded({ usage }: SessionShape): object {
  const { tokens, seconds, characters, requests, items } = usage.response;
  return { ...tokens, seconds, characters, requests, items };
}

describe('P8 OpenAI’s other WebSockets: usage over REST is what the simulator charged', () => {
  it('P8 Responses: one that thinks, and two that go on from it at once, on streams of their own', async () => {
    const socket = new ResponsesWS(client('responses'), options());
    const done = (count: number) =>
      new Promise<string>((resolve, reject) => {
        let left = count;
        socket.on('error', reject);
        socket.on('response.completed', ({ response }) => {
          left -= 1;
          if (left === 0) resolve(response.id);
        });
      });
    const instructions = 'Be brief, and say what you know. '.repeat(12);
    const create = { type: 'response.create', model: 'gpt-5.6', instructions } as const;
    const first = done(1);
    socket.send({ ...create, input: 'Say hi', reasoning: { effort: 'low' } });
    const previous_response_id = await first;
    const others = done(2);
    socket.send({ ...create, stream_id: 'a', previous_response_id, input: 'Again' });
    socket.send({ ...create, stream_id: 'b', previous_response_id, input: 'And once more' });
    await others;
    socket.close();
    const { session, charged } = await over('responses', 'responses');
    expect(recorded(session)).toEqual(charged.response);
    expect(session.usage.response).toMatchObject({ reports: 3, measured: 0 });
    expect(session.usage.response.tokens.cached_text).toBeGreaterThan(0);
    expect(session.usage.response.tokens.reasoning).toBeGreaterThan(0);
    expect(session).toMatchObject({ model: 'gpt-5.6', provider: 'openai', simulated: true });
    expect(session.turns.map(({ outcome }) => outcome)).toEqual(['completed', 'completed', 'completed']);
  });

  it('P8 a translation, by the sound that went up', async () => {
    const socket = await OpenAIRealtimeTranslationWS.create(client('translations'), {
      model: 'gpt-realtime-translate',
      options: options(),
    });
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('event', ({ type }) => {
        if (type === 'session.closed') resolve();
        if (type !== 'session.created') return;
        for (const audio of SPOKEN) socket.send({ type: 'session.input_audio_buffer.append', audio });
        socket.send({ type: 'session.close' });
      });
    });
    const { session, charged } = await over(
      'translations',
      'realtime/translations',
      '&model=gpt-realtime-translate',
    );
    expect(recorded(session)).toEqual(charged.response);
    expect(session.usage.response).toMatchObject({ seconds: 2.3, reports: 1, measured: 1 });
    expect(session.audio).toEqual({ in_ms: 2_300, out_ms: 2_400 });
    expect(session.cost?.usd).toBeCloseTo((2.3 * 0.034) / 60, 6);
  });

  it('P8 GPT-Live: its time, told when Parley ends it for a client that is gone, and its backend’s tokens', async () => {
    const socket = new LiveWS(client('live'), options());
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('session.started', () => {
        for (const audio of [...SPOKEN, ...SPOKEN])
          socket.send({ type: 'session.input_audio.append', audio });
      });
      socket.on('response.event', ({ event }) => {
        if (event['type'] === 'response.completed') resolve();
      });
      const responses = { model: 'gpt-5.6', instructions: 'Be brief.' };
      socket.send({
        type: 'session.start',
        session: { model: 'gpt-live-1', delegation: { type: 'responses', responses } },
      });
    });
    socket.close();
    const { session, frames, charged } = await over('live', 'live/sessions');
    const told = frames
      .map(({ text }) => parseJson(text ?? ''))
      .find((event) => member(event, 'type') === 'session.closed');
    expect(asText(member(told, 'reason'))).toBe('close_requested');
    const seconds = Number(member(member(told, 'usage'), 'seconds'));
    expect(recorded(session)).toEqual({ ...charged.response, seconds });
    // The log's times are Parley's, a little before and after the simulator's.
    expect(Math.abs(seconds - charged.response.seconds)).toBeLessThan(0.5);
    expect(session.usage.response).toMatchObject({ measured: 0 });
    expect(session.usage.response.tokens.output_text).toBeGreaterThan(0);
    expect(session).toMatchObject({ model: 'gpt-live-1', simulated: true });
  });
});
