import { describe, expect, it } from 'vitest';
import type { ConnectRequest } from '../../../providers/adapter.ts';
import { fal } from '../../../providers/fal.ts';
import { providerFor } from '../../../providers/registry.ts';
import { readOffer } from '../../../worker/offer.ts';
import { NO_LIFE, providerContract, readFixtures } from '../../contract/provider-contract.ts';
import { AdapterReader, parsed } from '../../support/adapter-reader.ts';

const MODEL = 'fal-ai/fast-lcm-diffusion';
const KEY = '1f2e3d4c-0000:0123456789abcdef';
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJhcHAiOiJmYXN0In0.c2lnbmF0dXJl';

// The request that was refused, and costs nothing, is among the second's.
const http = readFixtures('fal-http', { 'two-images': { requests: 2 }, 'sound-and-errors': { requests: 2 } });
const realtime = readFixtures('fal-realtime', { 'two-requests': { requests: 2 } });

providerContract(fal, http, { path: MODEL, query: [] });
providerContract(fal, realtime, { path: `${MODEL}/realtime`, query: [] });

const REQUEST: ConnectRequest = {
  path: MODEL,
  query: [],
  headers: {},
  subprotocols: [],
  baseUrl: 'https://ws.fal.run',
  credential: KEY,
};
const REALTIME: ConnectRequest = { ...REQUEST, path: `${MODEL}/realtime` };
const opened = (request = REQUEST) => new AdapterReader(fal, request);
const dial = (request: ConnectRequest) => fal.dial(request, fal.begin(request));

describe('P2 dialling fal', () => {
  it('P2 P9 HTTP over WebSocket at ws.fal.run, with the key in a header', () => {
    expect(dial(REQUEST)).toEqual({
      url: `https://ws.fal.run/${MODEL}`,
      headers: { Authorization: `Key ${KEY}` },
      subprotocols: [],
    });
  });

  it('P2 the realtime wire at fal.run, with a token in the query and a key in a header', () => {
    const query = [['max_buffering', '5']] as const;
    expect(dial({ ...REALTIME, query, credential: JWT })).toEqual({
      url: `https://fal.run/${MODEL}/realtime?max_buffering=5&fal_jwt_token=${JWT}`,
      headers: {},
      subprotocols: [],
    });
    expect(dial(REALTIME)).toMatchObject({
      url: `https://fal.run/${MODEL}/realtime`,
      headers: { Authorization: `Key ${KEY}` },
    });
  });

  it('P2 a base URL of the deployment’s own stands for both; no key, no header', () => {
    const baseUrl = 'https://fal.example';
    expect(dial({ ...REALTIME, baseUrl }).url).toBe(`https://fal.example/${MODEL}/realtime`);
    expect(dial({ ...REQUEST, baseUrl, credential: null })).toEqual({
      url: `https://fal.example/${MODEL}`,
      headers: {},
      subprotocols: [],
    });
  });

  it('P2 the colon of a key may be escaped, as a subprotocol needs it', () => {
    expect(dial({ ...REQUEST, credential: KEY.replace(':', '%3A') }).headers).toEqual({
      Authorization: `Key ${KEY}`,
    });
  });

  it.each([
    ['a Key header', '', { authorization: `Key ${KEY}` }, KEY],
    ['a subprotocol', '', { 'sec-websocket-protocol': 'fal-api-key.abc, cf-aig-authorization.t' }, 'abc'],
    ['a token in the query', `?fal_jwt_token=${JWT}`, {}, JWT],
  ])('P2 P9 the key is taken from %s', (_name, query, headers: Record<string, string>, key) => {
    const offer = readOffer(
      new Request(`https://parley.example/v1/a/g/fal/${MODEL}${query}`, { headers }),
      fal.carriers,
    );
    expect([offer.providerKeys.map(({ value }) => value), offer.query, offer.subprotocols]).toEqual([
      [key],
      [],
      [],
    ]);
  });

  it('P2 the path is the model; a model in the query asks for the simulator, and is not passed on', () => {
    expect(fal.modelOf(REALTIME)).toBe(MODEL);
    const query = [['model', 'sim-image']] as const;
    expect(fal.modelOf({ ...REQUEST, query })).toBe('sim-image');
    expect(dial({ ...REQUEST, query }).url).toBe(`https://ws.fal.run/${MODEL}`);
    expect(providerFor('fal', {})).toBe(fal);
  });

  it.each([
    MODEL,
    `${MODEL}/realtime`,
    'workflows/me/flow-1',
    'playht-fal/playht-tts/stream',
    'me/realtime-v1.1',
  ])('P2 %s is served', (path) => expect(fal.accepts(path)).toEqual({ ok: true }));

  it.each(['', 'fal-ai', 'fal-ai/realtime', '../x', 'fal-ai/..', 'a/../b', 'a/b c', 'a/%2e%2e', 'a//b'])(
    'P2 P9 the path "%s" is not',
    (path) => expect(fal.accepts(path)).toMatchObject({ ok: false, suggestion: MODEL }),
  );
});

describe('P8 what is read of HTTP over WebSocket', () => {
  it('P8 a request is counted when it is taken up, with its model', () => {
    expect(opened().fixture(http, 'two-images').of('usage')[0]).toEqual({
      kind: 'usage',
      dedupeKey: '5d76da89',
      purpose: 'response',
      model: MODEL,
      usage: { unit: 'requests', requests: 1 },
      source: 'measured',
      raw: { requests: 1, request_id: '5d76da89' },
    });
  });

  it('P8 each request is a turn; a second one’s clock starts when the first is answered', () => {
    expect(
      opened()
        .fixture(http, 'two-images')
        .observed.map(({ kind }) => kind),
    ).toEqual([
      'asked',
      'response.started',
      'usage',
      'response.output',
      'response.ended',
      'asked',
      'response.started',
      'usage',
      'response.output',
      'response.ended',
    ]);
  });

  it('P8 sound by its type, of unknown length; refusals are free, and say why; idleness is no error', () => {
    const reader = opened().fixture(http, 'sound-and-errors');
    expect(reader.of('audio')).toEqual([
      { kind: 'audio', speaker: 'model', bytes: 120, ms: null },
      { kind: 'audio', speaker: 'model', bytes: 80, ms: null },
    ]);
    expect(reader.of('response.output').map(({ of }) => of)).toEqual(['audio', 'text', 'text']);
    expect(reader.of('response.ended').map(({ outcome }) => outcome)).toEqual([
      'completed',
      'failed',
      'failed',
    ]);
    expect(reader.of('error')).toEqual([
      { kind: 'error', code: '422', message: 'str type expected' },
      { kind: 'error', code: 'INTERNAL_ERROR', message: 'out of memory' },
    ]);
  });

  it('P8 a start whose predecessor has no end ends it; JSON that only looks like one is a body', () => {
    const reader = opened().client('{"prompt":"a"}').client('{"prompt":"b"}');
    reader.upstream('{"type":"start","request_id":"r1","status":200,"headers":{}}');
    reader.upstream('{"type":"start","scene":"a stage"}');
    reader.upstream('{"type":"start","request_id":"r2","status":200,"headers":{}}');
    expect(reader.of('response.started').map(({ responseId }) => responseId)).toEqual(['r1', 'r2']);
    expect(reader.of('response.ended')).toEqual([
      { kind: 'response.ended', responseId: 'r1', outcome: 'incomplete' },
    ]);
    expect(reader.of('usage')).toHaveLength(2);
  });

  it('P8 an answer is owed from the request to its end', () => {
    const reader = opened().client('{"prompt":"x"}');
    expect(reader.owes).toBe(true);
    expect(reader.upstream('{"type":"start","request_id":"r","status":200}').owes).toBe(true);
    expect(reader.upstream('{"type":"end","request_id":"other"}').owes).toBe(true);
    expect(reader.upstream('{"type":"end","request_id":"r","status":200}').owes).toBe(false);
  });
});

describe('P8 the end of a session', () => {
  it('P8 a request whose answer had begun is told as incomplete', () => {
    const reader = opened().client('{"prompt":"x"}').client('{"prompt":"y"}');
    reader.upstream('{"type":"start","request_id":"r","status":200}');
    expect(fal.atEnd?.(reader.state, NO_LIFE)).toEqual([
      { kind: 'response.ended', responseId: 'r', outcome: 'incomplete' },
    ]);
  });
});

describe('P8 what is read of the realtime wire', () => {
  it('P8 each request is counted, packed or not; errors are told, idleness is not', () => {
    const reader = opened(REALTIME).fixture(realtime, 'two-requests');
    expect(reader.observed.map(({ kind }) => kind)).toEqual(['usage', 'usage', 'error']);
    expect(reader.of('error')).toEqual([{ kind: 'error', code: 'Unauthorized', message: '' }]);
    expect(reader.owes).toBe(false);
  });
});

describe('P5 restoring fal', () => {
  it('P5 what has no answer is asked again, in order; an answer that had begun ends as failed', () => {
    const reader = opened().client('{"prompt":"a"}').client('{"prompt":"b"}').client('{"prompt":"c"}');
    reader.upstream('{"type":"start","request_id":"r","status":200}');
    const { send, state, complete } = fal.restore(reader.state);
    expect(send.upstream).toEqual(['{"prompt":"b"}', '{"prompt":"c"}']);
    expect(send.clients.map(parsed)).toEqual([{ type: 'end', request_id: 'r', status: 502 }]);
    expect([complete, fal.owes(state)]).toEqual([true, true]);
  });

  it('P5 P10 a request that is too long to keep is told as lost', () => {
    const { send, state } = fal.restore(opened().client(`{"image":"${'x'.repeat(200_000)}"}`).state);
    expect(send.upstream).toEqual([]);
    expect(send.clients.map(parsed)).toMatchObject([{ type: 'x-fal-error', error: 'CONNECTION_LOST' }]);
    expect(fal.owes(state)).toBe(false);
  });

  it('P2 errors for browsers have the shape that fal’s client reads', () => {
    const frame = fal.errorFrame({
      code: 'bad_token',
      message: 'No.',
      status: 401,
      number: 2009,
      close: 4401,
    });
    expect(parsed(frame)).toEqual({ type: 'x-fal-error', error: 'bad_token', reason: 'No.' });
  });
});
