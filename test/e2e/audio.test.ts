/** What a session sounded like, over REST, of real calls with the simulator. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, connected } from '../support/client.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { base64Of, ramp, readWav } from '../support/taped-call.ts';
import { untilEnded } from '../support/rest.ts';

let parley: ParleyProcess;
let url: string;
let spoken: Buffer;
let wav: Uint8Array;

const SESSION = 'heard';
const PIECES = 10;
const PIECE = 2_400;

beforeAll(async () => {
  parley = await startParley();
  url = `${parley.http}/v1/acct/gw/sessions/${SESSION}`;
  spoken = await call();
  await untilEnded(parley, 'acct/gw', SESSION);
  wav = new Uint8Array(await (await ask('/audio.wav')).arrayBuffer());
});
afterAll(() => parley.stop());

function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
  return fetch(url + path, { method, headers: { authorization: `Bearer ${parley.token}`, ...headers } });
}

/** A user who says something, and a model that answers; what the model said, as it came. */
async function call(): Promise<Buffer> {
  const deltas: Buffer[] = [];
  const client: Client = await connected(parley, {
    query: `model=sim-support&seed=1&speed=20&parley-session=${SESSION}`,
    ready: (socket) =>
      socket.on('message', (data: Buffer) => {
        const event = JSON.parse(data.toString()) as { type: string; delta?: string }; // the simulator sends OpenAI's events
        if (event.type === 'response.output_audio.delta')
          deltas.push(Buffer.from(event.delta ?? '', 'base64'));
        if (event.type === 'response.done') socket.emit('answered');
      }),
  });
  const answered = new Promise((resolve) => client.socket.once('answered', resolve));
  const send = (event: object) => client.socket.send(JSON.stringify(event));
  const audio = { input: { turn_detection: null } };
  send({ type: 'session.update', session: { type: 'realtime', audio } });
  for (let n = 0; n < PIECES; n += 1)
    send({ type: 'input_audio_buffer.append', audio: base64Of(ramp(PIECE, n)) });
  send({ type: 'input_audio_buffer.commit' });
  send({ type: 'response.create' });
  await answered;
  const live = await ask('/audio.wav', { range: 'bytes=0-9' });
  // So far, as a whole: what a range would be of grows.
  expect([live.status, live.headers.get('accept-ranges'), live.headers.get('etag')]).toEqual([
    200,
    'none',
    null,
  ]);
  expect(readWav(new Uint8Array(await live.arrayBuffer())).rate).toBe(24_000);
  client.socket.close(1000);
  await client.closed;
  expect(
    (await fetch(`${url}/end`, { method: 'POST', headers: { authorization: `Bearer ${parley.token}` } }))
      .status,
  ).toBe(200);
  return Buffer.concat(deltas);
}

describe('P3 a session can be heard over REST', () => {
  it('P3 the file holds every sample of both sides, in their places', async () => {
    const { rate, left, right } = readWav(wav);
    expect(rate).toBe(24_000);
    const said = Int16Array.from({ length: PIECES }, (_, n) => n).reduce<number[]>(
      (all, n) => [...all, ...ramp(PIECE, n)],
      [],
    );
    const from = left.findIndex((sample, at) => sample === said[0] && left[at + 1] === said[1]);
    expect([...left.subarray(from, from + said.length)]).toEqual(said);
    const heard = Buffer.from(right.buffer, right.byteOffset, right.byteLength);
    const answer = new Int16Array(spoken.buffer.slice(spoken.byteOffset, spoken.byteOffset + spoken.length));
    const starts = right.length - answer.length;
    expect(heard.subarray(starts * 2).equals(spoken)).toBe(true);
    expect(spoken.length).toBeGreaterThan(24_000);
  });

  it('P3 its length is known before its first byte, and it is not sent twice', async () => {
    const head = await ask('/audio.wav', {}, 'HEAD');
    expect(head.status).toBe(200);
    expect(Number(head.headers.get('content-length'))).toBe(wav.length);
    expect(head.headers.get('content-type')).toBe('audio/wav');
    expect((await head.arrayBuffer()).byteLength).toBe(0);
    const whole = await ask('/audio.wav');
    expect(Number(whole.headers.get('content-length'))).toBe(wav.length);
    await whole.body?.cancel();
    const etag = whole.headers.get('etag') ?? '';
    expect((await ask('/audio.wav', { 'if-none-match': etag })).status).toBe(304);
    expect((await ask('/audio.wav', { 'if-none-match': '"another"' }, 'HEAD')).status).toBe(200);
  });

  it.each([
    ['bytes=0-', 0, Infinity],
    ['bytes=0-43', 0, 44],
    ['bytes=43-1000', 43, 1001],
    ['bytes=1001-', 1001, Infinity],
    ['bytes=-1001', -1001, Infinity],
    ['bytes=100000-99999999', 100_000, Infinity],
  ])('P3 Range: %s', async (range, from, to) => {
    const answer = await ask('/audio.wav', { range });
    const expected = from < 0 ? wav.slice(from) : wav.slice(from, to === Infinity ? undefined : to);
    expect(answer.status).toBe(206);
    const first = wav.length - expected.length - (to === Infinity ? 0 : wav.length - to);
    expect(answer.headers.get('content-range')).toBe(
      `bytes ${first}-${first + expected.length - 1}/${wav.length}`,
    );
    expect(Number(answer.headers.get('content-length'))).toBe(expected.length);
    expect(Buffer.compare(Buffer.from(await answer.arrayBuffer()), expected)).toBe(0);
  });

  it('P3 a range past the end is refused, several at once are answered with the whole, If-Range is kept', async () => {
    const past = await ask('/audio.wav', { range: `bytes=${wav.length}-` });
    expect([past.status, past.headers.get('content-range')]).toEqual([416, `bytes */${wav.length}`]);
    expect(await past.json()).toMatchObject({ errors: [{ name: 'range_not_satisfiable' }] });
    const etag = (await ask('/audio.wav', {}, 'HEAD')).headers.get('etag') ?? '';
    const statuses = [
      { range: 'bytes=0-1,4-5' },
      { range: 'bytes=0-1', 'if-range': '"another"' },
      { range: 'bytes=0-1', 'if-range': etag },
    ].map(async (headers) => {
      const answer = await ask('/audio.wav', headers);
      await answer.body?.cancel();
      return answer.status;
    });
    expect(await Promise.all(statuses)).toEqual([200, 200, 206]);
  });

  it('P3 one side alone, and its outline', async () => {
    const { left, right } = readWav(wav);
    const alone = new Uint8Array(await (await ask('/audio.wav?channel=right')).arrayBuffer());
    expect(Buffer.from(right.buffer, right.byteOffset, right.byteLength).equals(alone.subarray(44))).toBe(
      true,
    );
    const answer = await ask('/peaks?pixels=50&bits=16');
    const peaks = (await answer.json()) as { samples_per_pixel: number; length: number; data: number[] }; // PeaksShape
    expect(answer.status).toBe(200);
    expect(peaks).toMatchObject({ version: 2, channels: 2, sample_rate: 24_000, bits: 16 });
    expect(peaks.length).toBe(Math.ceil(left.length / peaks.samples_per_pixel));
    const second = [left, right].flatMap((channel) => {
      const pixel = channel.subarray(peaks.samples_per_pixel, 2 * peaks.samples_per_pixel);
      return [Math.min(...pixel), Math.max(...pixel)];
    });
    expect(peaks.data.slice(4, 8)).toEqual(second);
    const etag = answer.headers.get('etag') ?? '';
    expect((await ask('/peaks?pixels=50&bits=16', { 'if-none-match': etag })).status).toBe(304);
  });

  it('P10 an outline has a bound, and what cannot be asked for is refused', async () => {
    const { left } = readWav(wav);
    // Fewer pixels than the bound: this session is short.
    expect((await ask(`/peaks?samples_per_pixel=${Math.ceil(left.length / 20_000)}`)).status).toBe(200);
    expect((await ask('/peaks?pixels=20000')).status).toBe(200);
    for (const query of [
      'samples_per_pixel=1',
      'pixels=20001',
      'pixels=0',
      'bits=9',
      'channel=middle',
      'chanel=left',
    ])
      expect([(await ask(`/peaks?${query}`)).status, query]).toEqual([400, query]);
  });

  it('P10 who stops listening makes room for others', async () => {
    const client = await connected(parley, { query: 'model=sim-support&parley-session=long' });
    const tenSeconds = JSON.stringify({ type: 'input_audio_buffer.append', audio: base64Of(ramp(240_000)) });
    // More than the sockets between hold by themselves.
    for (let n = 0; n < 60; n += 1) client.socket.send(tenSeconds);
    client.socket.close(1000);
    await client.closed;
    const long = `${parley.http}/v1/acct/gw/sessions/long/audio.wav`;
    const headers = { authorization: `Bearer ${parley.token}` };
    for (let n = 0; n < 20; n += 1) {
      const leaving = new AbortController();
      let answer = await fetch(long, { headers, signal: leaving.signal });
      for (; answer.status === 429; answer = await fetch(long, { headers, signal: leaving.signal }))
        await answer.body?.cancel();
      expect([n, answer.status]).toEqual([n, 200]);
      leaving.abort();
    }
  });

  it('P3 a session without sound says why, and one that is not there is not found', async () => {
    const silent = await connected(parley, { query: 'model=sim-support&parley-session=silent' });
    silent.socket.close(1000);
    await silent.closed;
    url = `${parley.http}/v1/acct/gw/sessions/silent`;
    const none = await ask('/audio.wav');
    expect([none.status, await none.json()]).toMatchObject([404, { errors: [{ name: 'no_audio' }] }]);
    const unlogged = await connected(parley, {
      query: 'model=sim-support&parley-session=unlogged&cf-aig-collect-log=false',
    });
    unlogged.socket.close(1000);
    await unlogged.closed;
    url = `${parley.http}/v1/acct/gw/sessions/unlogged`;
    expect(await (await ask('/audio.wav')).text()).toContain("log mode is 'none'");
    url = `${parley.http}/v1/acct/gw/sessions/nobody`;
    expect(await (await ask('/peaks')).json()).toMatchObject({ errors: [{ name: 'session_not_found' }] });
  });
});
