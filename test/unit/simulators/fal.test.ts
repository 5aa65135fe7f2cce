import { decode, encode } from '@msgpack/msgpack';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asText, type JsonObject } from '../../../protocol/json.ts';
import { falSimulator } from '../../../simulators/fal.ts';
import { decodeMsgpack, encodeMsgpack, type Packed } from '../../../simulators/msgpack.ts';
import { simulatorOf } from '../../../simulators/registry.ts';
import { refusedBy, SessionDrive } from '../../support/drive-session.ts';

const MODEL = 'fal-ai/fast-lcm-diffusion';
const drive = (model = MODEL, query = 'seed=1'): SessionDrive =>
  new SessionDrive(falSimulator, `https://ws.fal.run/${model}?${query}`);
const isEnd = ({ type }: JsonObject): boolean => type === 'end';

/** Text frames by their type, or `body`; binary frames as `bytes`. */
function kinds(session: SessionDrive): string[] {
  return session.outputs.map((output) => {
    if (output.kind !== 'send') return output.kind;
    if (typeof output.payload !== 'string') return 'bytes';
    return asText((JSON.parse(output.payload) as JsonObject)['type']) ?? 'body'; // the simulator sends objects only
  });
}

const binaries = (session: SessionDrive): Uint8Array[] =>
  session.outputs.flatMap((output) =>
    output.kind === 'send' && typeof output.payload !== 'string' ? [new Uint8Array(output.payload)] : [],
  );

describe('SIM fal: HTTP over WebSocket', () => {
  it('SIM start, a picture, end; requests that come at once are answered one after the other', () => {
    const session = drive()
      .send({ prompt: 'an island near sea' })
      .send({ prompt: 'a lighthouse' })
      .pass(2000);
    expect(kinds(session)).toEqual(['start', 'body', 'end', 'start', 'body', 'end']);
    const [start, body, end, second] = session.take();
    expect(start).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
    expect(body).toMatchObject({ prompt: 'an island near sea', images: [{ content_type: 'image/png' }] });
    expect(end?.['request_id']).toBe(start?.['request_id']);
    expect(second?.['request_id']).not.toBe(start?.['request_id']);
  });

  it('SIM models that stream send events; models that speak send sound', () => {
    const stream = drive('fal-ai/any-llm/stream').send({ prompt: 'one two three' }).until(isEnd);
    expect(kinds(stream)).toEqual(['start', 'bytes', 'bytes', 'bytes', 'end']);
    expect(new TextDecoder().decode(binaries(stream).at(-1))).toContain('"output":"one two three"');
    const speech = drive('fal-ai/some-tts').send({ text: 'Hello there.' }).until(isEnd);
    const [header, ...sound] = binaries(speech);
    expect(new TextDecoder().decode(header?.subarray(0, 4))).toBe('RIFF');
    const samples = sound.flatMap((bytes) => [...new Int16Array(bytes.slice().buffer)]);
    expect(Math.max(...samples)).toBeGreaterThan(1000);
  });

  it('SIM what is not a request is refused in its turn, and the socket stays', () => {
    const session = drive()
      .raw('5')
      .send({ seed: 1 })
      .raw(new ArrayBuffer(3))
      .send({ prompt: 'x' })
      .pass(3000);
    const ends = session.take().filter(isEnd);
    expect(ends.map(({ status }) => status)).toEqual([422, 422, 422, 200]);
    expect(session.closed).toBeUndefined();
  });

  it('SIM the same seed, the same bytes; a minute of silence is told and closed', () => {
    const once = () => drive().send({ prompt: 'x' }).pass(1000).outputs;
    expect(once()).toEqual(once());
    const idle = drive().pass(60_000);
    expect(idle.take()).toMatchObject([{ type: 'x-fal-error', error: 'TIMEOUT' }]);
    expect(idle.closed).toMatchObject({ kind: 'close', code: 1000 });
  });

  it('SIM faults and refusals', () => {
    const faulty = (faults: string) =>
      drive(MODEL, `seed=1&faults=${faults}`).send({ prompt: 'x' }).pass(10_000);
    expect(faulty('close_1011').closed).toMatchObject({ code: 1011 });
    expect(faulty('drop_after=1').closed).toEqual({ kind: 'drop' });
    expect(faulty('rate_limited').take().filter(isEnd)).toMatchObject([{ status: 429 }]);
    expect(faulty('malformed_json').outputs).toHaveLength(4);
    expect(kinds(faulty('duplicate_event'))).toEqual(['start', 'body', 'body', 'end']);
    expect(kinds(faulty('binary_frame'))).toEqual(['bytes', 'start', 'body', 'end']);
    const stalled = drive(MODEL, 'seed=1&faults=stall=20').send({ prompt: 'x' }).until(isEnd);
    expect(stalled.elapsed).toBeGreaterThan(20_000);
    const url = `https://ws.fal.run/${MODEL}`;
    expect(refusedBy(falSimulator, url, { authorization: 'Key bad:key' }).status).toBe(401);
    expect(refusedBy(falSimulator, `${url}?faults=connect_429`).headers['retry-after']).toBe('2');
    expect(refusedBy(falSimulator, `${url}?faults=nonsense`).status).toBe(400);
    expect(refusedBy(falSimulator, `${url}/realtime?max_buffering=61`).status).toBe(400);
    expect(simulatorOf('fal')).toBe(falSimulator);
  });
});

describe('SIM fal: realtime', () => {
  it('SIM MessagePack both ways, as the official package reads it; JSON is taken too', () => {
    const session = drive(`${MODEL}/realtime`).raw(new Uint8Array(encode({ prompt: 'a cat' })).buffer);
    session.send({ prompt: 'a dog' }).pass(1000);
    expect(binaries(session).map((bytes) => decode(bytes))).toMatchObject([
      { prompt: 'a cat', images: [{ content_type: 'image/png', width: 1 }] },
      { prompt: 'a dog' },
    ]);
  });

  it('SIM what is not a request is told as an error, in JSON, and closes', () => {
    const session = drive(`${MODEL}/realtime`).raw(new Uint8Array([0xc1]).buffer);
    expect(session.take()).toMatchObject([{ type: 'x-fal-error', error: 'INVALID_INPUT' }]);
    expect(session.closed).toMatchObject({ code: 1000 });
    expect(drive(`${MODEL}/realtime`).raw(new Uint8Array(encode({ seed: 1 })).buffer).closed).toBeDefined();
  });
});

describe('SIM MessagePack', () => {
  // The one key that the official package refuses to read; below it is read here.
  const key = fc.string().filter((text) => text !== '__proto__');
  const value = fc.letrec<{ value: Packed }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constant(null),
      fc.boolean(),
      fc.double({ noNaN: true }),
      fc.integer(),
      fc.string({ unit: 'binary' }),
      fc.uint8Array(),
      fc.array(tie('value'), { maxLength: 20 }),
      fc.dictionary(key, tie('value'), { maxKeys: 20, noNullPrototype: true }),
    ),
  })).value;

  it('SIM what is written here the official package reads, and the other way', () => {
    fc.assert(
      fc.property(value, (each) => {
        expect(decode(encodeMsgpack(each))).toEqual(decode(encode(each)));
        expect(decodeMsgpack(encode(each))).toEqual(decode(encode(each)));
      }),
      { numRuns: 300 },
    );
  });

  it('SIM a key called __proto__ is a key as any other', () => {
    const read = decodeMsgpack(encode(JSON.parse('{"__proto__":{"prompt":"a cat"}}')));
    expect(Object.keys(Object(read))).toEqual(['__proto__']);
    expect(Object(read)['prompt']).toBeUndefined();
  });

  it('SIM bytes that are not one value are undefined, whatever they are', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void decodeMsgpack(bytes)));
    expect(decodeMsgpack(new Uint8Array(0))).toBeUndefined();
    expect(decodeMsgpack(new Uint8Array([1, 2]))).toBeUndefined();
    expect(decodeMsgpack(new Uint8Array(1000).fill(0x91))).toBeUndefined();
    expect(decodeMsgpack(new Uint8Array([0xdd, 0xff, 0xff, 0xff, 0xff]))).toBeUndefined();
  });
});
