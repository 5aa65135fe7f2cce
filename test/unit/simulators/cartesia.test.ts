import { describe, expect, it } from 'vitest';
import { asText, type JsonObject, member } from '../../../protocol/json.ts';
import { decodeBase64 } from '../../../simulators/base64.ts';
import { cartesiaSimulator } from '../../../simulators/cartesia.ts';
import { encodeSpeech, HEARD_ENCODINGS, SampleReader } from '../../../simulators/cartesia-audio.ts';
import { simulatorOf } from '../../../simulators/registry.ts';
import { speak, voiceNamed } from '../../../simulators/speech.ts';
import { tone } from '../../support/drive-simulator.ts';
import { refusedBy, SessionDrive } from '../../support/drive-session.ts';

const NEW = 'cartesia_version=2026-08-14&seed=1';
const drive = (path = 'tts/websocket', query = NEW): SessionDrive =>
  new SessionDrive(cartesiaSimulator, `https://api.cartesia.ai/${path}?${query}`);

const FORMAT = { container: 'raw', encoding: 'pcm_s16le', sample_rate: 24_000 };
const request = (contextId: string, transcript: string, more: JsonObject = {}): JsonObject => ({
  context_id: contextId,
  model_id: 'sonic-3.5',
  transcript,
  voice: { id: 'v1' },
  output_format: FORMAT,
  ...more,
});
const typesOf = (frames: readonly JsonObject[]): string[] =>
  frames.map(({ type }) => asText(type) ?? '').filter((type, index, all) => type !== all[index - 1]);
const isDone =
  (contextId: string) =>
  ({ type, context_id }: JsonObject): boolean =>
    type === 'done' && context_id === contextId;
const audioBytes = (frames: readonly JsonObject[]): number =>
  frames
    .filter(({ type }) => type === 'chunk')
    .reduce((sum, { data }) => sum + (decodeBase64(asText(data) ?? '')?.length ?? 0), 0);

/** Speech as a caller sends it: 16 kHz, 100 ms a frame. */
function callerSays(session: SessionDrive, samples: Int16Array): void {
  const bytes = encodeSpeech(samples, { encoding: 'pcm_s16le', sampleRate: 16_000 });
  for (let at = 0; at < bytes.length; at += 3200) {
    session.raw(new Uint8Array(bytes.subarray(at, at + 3200)).buffer).pass(100);
  }
}

describe('SIM Cartesia: the upgrade', () => {
  it('SIM it is registered, and strict about version, key and path', () => {
    expect(simulatorOf('cartesia')).toBe(cartesiaSimulator);
    const refused = (rest: string, headers = {}) =>
      refusedBy(cartesiaSimulator, `https://api.cartesia.ai/${rest}`, headers);
    expect(refused('tts/websocket').status).toBe(400);
    expect(refused('tts/websocket?cartesia_version=yesterday').status).toBe(400);
    expect(refused(`tts/websocket?${NEW}`, { authorization: 'Bearer sk_car_bad' }).status).toBe(401);
    expect(refused(`tts/websocket?${NEW}&api_key=bad`).status).toBe(401);
    expect(refused(`tts/bytes?${NEW}`).status).toBe(404);
    expect(refused(`stt/websocket?${NEW}&model=ink-2&encoding=mp3&sample_rate=16000`).status).toBe(400);
    expect(refused(`tts/websocket?${NEW}&faults=connect_429`)).toMatchObject({
      status: 429,
      headers: { 'retry-after': '2' },
    });
  });

  it('SIM errors have the shape of the version, by query or by header', () => {
    const { body } = refusedBy(cartesiaSimulator, 'https://api.cartesia.ai/tts/websocket?api_key=bad', {
      'cartesia-version': '2026-03-01',
    });
    expect(JSON.parse(body)).toMatchObject({ error_code: 'unauthorized', status_code: 401 });
    const old = drive('tts/websocket', 'cartesia_version=2024-06-10').send({ context_id: 'c' }).take();
    expect(old).toEqual([
      {
        type: 'error',
        context_id: 'c',
        done: true,
        error: 'Invalid request: model_id is required',
        status_code: 400,
      },
    ]);
  });
});

describe('SIM Cartesia: text to speech', () => {
  it('SIM chunks, timestamps, flush_done, done; audible, and as long as its timestamps say', () => {
    const session = drive();
    session.send(request('c', 'Hello there, ', { continue: true, add_timestamps: true }));
    session.send(request('c', '', { continue: true, flush: true, add_timestamps: true }));
    session.until(({ type }) => type === 'flush_done');
    session.send(request('c', 'and goodbye.', { continue: true, add_timestamps: true }));
    session.send(request('c', '', { continue: false, add_timestamps: true }));
    const frames = session.until(isDone('c')).take();
    expect(typesOf(frames)).toEqual(['chunk', 'timestamps', 'flush_done', 'chunk', 'timestamps', 'done']);
    expect(frames.find(({ type }) => type === 'flush_done')).toMatchObject({ flush_id: 1, flush_done: true });
    const times = frames.findLast(({ type }) => type === 'timestamps')?.['word_timestamps'];
    expect(member(times, 'words')).toEqual(['and', 'goodbye.']);
    const ends = member(times, 'end');
    const end = Array.isArray(ends) ? Number(ends.at(-1)) : 0;
    expect(audioBytes(frames)).toBe(Math.round(end * 48_000));
    const first = decodeBase64(asText(frames[0]?.['data']) ?? '') ?? new Uint8Array(0);
    expect(Math.max(...new Int16Array(first.slice().buffer))).toBeGreaterThan(1000);
  });

  it('SIM text waits for more until its delay is over', () => {
    const session = drive();
    session.send(request('c', 'Hello', { continue: true, max_buffer_delay_ms: 2000 })).pass(2000);
    expect(session.take()).toEqual([]);
    expect(typesOf(session.pass(1000).take())).toEqual(['chunk']);
  });

  it('SIM contexts interleave, in order within each; ids are free again a second after the end', () => {
    const session = drive();
    session.send(request('a', 'One two three four five.')).send(request('b', 'Six seven eight nine ten.'));
    session.send(request('a', 'late'));
    expect(session.take()).toMatchObject([{ type: 'error', context_id: 'a' }]);
    const again = drive()
      .send(request('a', 'One two three four.'))
      .send(request('b', 'Five six seven eight.'));
    const order = again
      .until(isDone('b'))
      .take()
      .map(({ context_id: id }) => asText(id));
    expect(order.slice(0, 4).filter((id) => id === 'a')).toHaveLength(2);
    again.pass(1500).send(request('a', 'Anew.'));
    expect(typesOf(again.until(isDone('a')).take())).toEqual(['chunk', 'done']);
  });

  it('SIM an error ends its context and nothing else', () => {
    const session = drive();
    session.send(request('a', 'Hello.')).send(request('b', 'x', { model_id: 'nope' }));
    session.send(request('c', 'x', { output_format: { ...FORMAT, container: 'wav' } }));
    session.send(request('d', 'x', { continue: true })).send(request('d', 'y', { voice: 'v2' }));
    session.raw('{').raw(new ArrayBuffer(4)).send({ transcript: 'x' });
    const errors = session.take();
    expect(errors.map(({ context_id: id, error_code: code }) => [id, code])).toEqual([
      ['b', 'model_not_found'],
      ['c', 'invalid_request'],
      ['d', 'invalid_request'],
      [undefined, 'invalid_request'],
      [undefined, 'invalid_request'],
      [undefined, 'invalid_request'],
    ]);
    expect(typesOf(session.until(isDone('a')).take())).toEqual(['chunk', 'done']);
    expect(session.closed).toBeUndefined();
  });

  it('SIM a cancel stops what has not begun; more contexts than the plan allows are refused', () => {
    const session = drive().send(request('a', 'one two three four five six seven eight nine ten'));
    session.until(({ type }) => type === 'chunk').send({ context_id: 'a', cancel: true });
    const chunks = session
      .until(isDone('a'))
      .take()
      .filter(({ type }) => type === 'chunk');
    expect(chunks.length).toBeLessThan(4);
    const many = drive();
    for (let index = 0; index < 16; index += 1) many.send(request(`c${index}`, 'x', { continue: true }));
    expect(many.take()).toMatchObject([
      { context_id: 'c15', status_code: 429, error_code: 'concurrency_limited' },
    ]);
  });

  it('SIM the same seed, the same bytes; five idle minutes close the socket', () => {
    const once = () => drive().send(request('c', 'Same again.')).pass(5000).outputs;
    expect(once()).toEqual(once());
    expect(drive().pass(299_000).closed).toBeUndefined();
    expect(drive().pass(300_000).closed).toMatchObject({ kind: 'close', code: 1000 });
  });

  it('SIM faults: each happens, once', () => {
    const faulty = (faults: string) =>
      drive('tts/websocket', `${NEW}&faults=${faults}`).send(request('c', 'Hello there.')).pass(10_000);
    expect(faulty('close_1011').closed).toMatchObject({ kind: 'close', code: 1011 });
    expect(faulty('drop_after=1').closed).toEqual({ kind: 'drop' });
    expect(faulty('session_expired_after=3').closed).toMatchObject({ kind: 'close', code: 1000 });
    expect(faulty('rate_limited').take()).toMatchObject([{ status_code: 429 }]);
    expect(typesOf(faulty('malformed_json').take())).toEqual(['chunk', 'done']);
    const plain = faulty('').outputs.length;
    expect(faulty('malformed_json').outputs).toHaveLength(plain + 1);
    expect(faulty('duplicate_event').outputs).toHaveLength(plain + 1);
    expect(faulty('binary_frame').outputs).toHaveLength(plain + 1);
    const stalled = drive('tts/websocket', `${NEW}&faults=stall=20`).send(request('c', 'Hello there.'));
    expect(stalled.until(isDone('c')).elapsed).toBeGreaterThan(20_000);
  });
});

const HEARING = `${NEW}&model=ink-2&encoding=pcm_s16le&sample_rate=16000`;
const spoken = [...speak('Hello, I am calling about an order.', voiceNamed('caller', 1))];
const caller = Int16Array.from(spoken.flatMap(({ samples }) => [...samples]));

describe('SIM Cartesia: speech to text', () => {
  it('SIM by finalize: bare words; deltas that join to a line, flush_done; done and a close', () => {
    const session = drive('stt/websocket', HEARING);
    callerSays(session, caller);
    expect(session.take()).toEqual([]);
    const frames = session
      .raw('finalize')
      .until(({ type }) => type === 'flush_done')
      .take();
    expect(typesOf(frames)).toEqual(['transcript', 'flush_done']);
    const deltas = frames.filter(({ type }) => type === 'transcript');
    expect(deltas.map(({ text }) => asText(text)).join('')).toMatch(/^[A-Z].* .*[.?]$/);
    expect(deltas.filter(({ is_final: final }) => final === true)).toEqual([deltas.at(-1)]);
    expect(Number(deltas.at(-1)?.['duration'])).toBeCloseTo(caller.length / 24_000, 1);
    expect(session.raw('{"type":"close"}').take()).toMatchObject([{ type: 'error' }]);
    expect(typesOf(session.raw('close').pass(1000).take())).toEqual(['done']);
    expect(session.closed).toMatchObject({ kind: 'close', code: 1000 });
  });

  it('SIM by finalize: silence has no words', () => {
    const session = drive('stt/websocket', HEARING);
    callerSays(session, new Int16Array(24_000));
    expect(typesOf(session.raw('finalize').pass(1000).take())).toEqual(['flush_done']);
  });

  it('SIM by turns: connected, then start, growing text, end; commands are JSON', () => {
    const session = drive('stt/turns/websocket', HEARING);
    expect(typesOf(session.take())).toEqual(['connected']);
    session.send({ type: 'config', turn: { end_timeout_ms: 400 } });
    session.send({ type: 'config', turn: { volume: 1 } }).raw('finalize');
    expect(typesOf(session.take())).toEqual(['error']);
    callerSays(session, caller);
    callerSays(session, new Int16Array(24_000));
    const frames = session.take();
    expect(typesOf(frames)).toEqual(['turn.start', 'turn.update', 'turn.end']);
    const texts = frames.flatMap(({ transcript }) => asText(transcript) ?? []);
    texts.forEach((text, index) => expect(text.startsWith(texts[index - 1] ?? '')).toBe(true));
    callerSays(session, caller);
    expect(typesOf(session.send({ type: 'close' }).take()).at(-1)).toBe('turn.end');
    expect(session.closed).toMatchObject({ kind: 'close', code: 1000 });
  });

  it('SIM with an eager threshold an end is announced first', () => {
    const session = drive('stt/turns/websocket', `${HEARING}&turn_eager_end_threshold=0.4`);
    callerSays(session, caller);
    callerSays(session, new Int16Array(24_000));
    expect(typesOf(session.take()).slice(-2)).toEqual(['turn.eager_end', 'turn.end']);
  });

  it.each(HEARD_ENCODINGS.filter((encoding) => encoding !== 'pcm_f16le'))(
    'SIM %s comes back as it went, in pieces of any size',
    (encoding) => {
      const format = { encoding, sampleRate: 24_000 };
      const samples = tone(100);
      const bytes = encodeSpeech(samples, format);
      const reader = new SampleReader(format);
      const back: number[] = [];
      for (let at = 0; at < bytes.length; at += 7) back.push(...reader.read(bytes.subarray(at, at + 7)));
      expect(back).toHaveLength(samples.length);
      // G.711 keeps about 13 of 16 bits.
      back.forEach((sample, index) => expect(Math.abs(sample - (samples[index] ?? 0))).toBeLessThan(300));
    },
  );

  it('SIM half floats are read: one, minus a half, the smallest, infinity as silence', () => {
    const reader = new SampleReader({ encoding: 'pcm_f16le', sampleRate: 24_000 });
    const bytes = new Uint8Array(new Uint16Array([0x3c00, 0xb800, 0x0001, 0x7c00]).buffer);
    expect([...reader.read(bytes)]).toEqual([32_767, -16_384, 0, 0]);
  });
});
