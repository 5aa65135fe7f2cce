import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../protocol/json.ts';
import type { ConnectRequest } from '../../../providers/adapter.ts';
import { cartesia } from '../../../providers/cartesia.ts';
import { providerFor } from '../../../providers/registry.ts';
import { readOffer } from '../../../worker/offer.ts';
import { providerContract, readFixtures, NO_LIFE } from '../../contract/provider-contract.ts';
import { AdapterReader, parsed } from '../../support/adapter-reader.ts';

const speech = readFixtures('cartesia-tts', {
  // 'Hello ' and 'wörld 👋.' and 'Bye.', by code points.
  'one-context': { characters: 6 + 8 + 4 },
  // The context that failed before its first audio is free.
  'several-contexts': { characters: 13 + 14 + 23 },
  'errors-of-old': { characters: 13 },
});
providerContract(cartesia, speech);

const REQUEST: ConnectRequest = {
  path: '',
  query: [],
  headers: {},
  subprotocols: [],
  baseUrl: 'https://api.cartesia.ai',
  credential: 'sk_car_key',
};
const opened = () => new AdapterReader(cartesia, REQUEST);

const FORMAT = { container: 'raw', encoding: 'pcm_s16le', sample_rate: 24_000 };
const say = (contextId: string, transcript: string, more: JsonObject = {}): string =>
  JSON.stringify({ context_id: contextId, model_id: 'sonic-3', transcript, output_format: FORMAT, ...more });
const answer = (type: string, contextId: string, more: JsonObject = {}): string =>
  JSON.stringify({ type, context_id: contextId, ...more });

describe('P2 dialling Cartesia', () => {
  it('P2 the gateway’s short form is speech, and so is the native path', () => {
    const url = (request: ConnectRequest) => cartesia.dial(request, cartesia.begin(request)).url;
    expect(url({ ...REQUEST, query: [['cartesia_version', '2024-06-10']] })).toBe(
      'https://api.cartesia.ai/tts/websocket?cartesia_version=2024-06-10',
    );
    expect(url({ ...REQUEST, path: 'tts/websocket' })).toBe('https://api.cartesia.ai/tts/websocket');
  });

  it('P2 a model that only asks for the simulator is not passed on', () => {
    const query = [['model', 'sim-voice']] as const;
    expect(cartesia.modelOf({ path: '', query })).toBe('sim-voice');
    expect(cartesia.dial({ ...REQUEST, query }, cartesia.begin(REQUEST)).url).not.toContain('model');
  });

  it('P9 the key goes up in one header, never in the URL; version and client tag beside it', () => {
    const headers = { 'cartesia-version': '2026-08-14', 'x-cartesia-client': 'cartesia-js/4.2.0' };
    const dial = cartesia.dial({ ...REQUEST, headers }, cartesia.begin(REQUEST));
    expect(dial.headers).toEqual({ ...headers, Authorization: 'Bearer sk_car_key' });
    expect([dial.url, dial.subprotocols]).toEqual(['https://api.cartesia.ai/tts/websocket', []]);
    expect(cartesia.dial({ ...REQUEST, credential: null }, cartesia.begin(REQUEST)).headers).toEqual({});
  });

  it.each([
    ['a bearer header', '', { authorization: 'Bearer sk_car_own' }],
    ['X-API-Key', '', { 'X-API-Key': 'sk_car_own' }],
    ['the query api_key', '?api_key=sk_car_own', {}],
    ['the query access_token', '?access_token=sk_car_own', {}],
  ])(
    'P2 P9 the key is taken from %s, and out of what goes on',
    (_name, query, headers: Record<string, string>) => {
      const request = new Request(`https://parley.example/v1/a/g/cartesia${query}`, { headers });
      const offer = readOffer(request, cartesia.carriers);
      expect(offer.providerKeys.map(({ value }) => value)).toEqual(['sk_car_own']);
      expect(offer.query).toEqual([]);
    },
  );

  it('P2 unknown paths have a nearest one', () => {
    expect(cartesia.accepts('tts/websocket')).toEqual({ ok: true });
    expect(cartesia.accepts('stt')).toEqual({ ok: false, suggestion: 'stt/websocket' });
    expect(cartesia.accepts('tts/bytes')).toEqual({ ok: false, suggestion: 'tts/websocket' });
    expect(cartesia.accepts('voices')).toEqual({ ok: false, suggestion: 'tts/websocket' });
    expect(providerFor('cartesia', {})).toBe(cartesia);
  });

  it('P2 errors for browsers can be read by clients of either version', () => {
    const frame = cartesia.errorFrame({
      code: 'bad_token',
      message: 'No.',
      status: 401,
      number: 2009,
      close: 4401,
    });
    expect(parsed(frame)).toEqual({
      type: 'error',
      status_code: 401,
      done: true,
      error_code: 'bad_token',
      title: 'Gateway error',
      message: 'No.',
      error: 'Gateway error: No.',
    });
  });
});

describe('P8 what is read of speech', () => {
  it('P8 characters by code points, with UTF-16 units beside them; the model from the request', () => {
    const { observed } = opened().fixture(speech, 'one-context');
    expect(observed.find(({ kind }) => kind === 'usage')).toEqual({
      kind: 'usage',
      dedupeKey: 'ctx_a/0',
      purpose: 'response',
      model: 'sonic-3.5',
      usage: { unit: 'characters', characters: 14 },
      source: 'measured',
      raw: { context_id: 'ctx_a', characters: 14, utf16_length: 15 },
    });
  });

  it('P8 a context is a response: asked, started, first audio, ended; its text is one transcript', () => {
    const reader = opened().fixture(speech, 'one-context');
    expect(reader.observed.map(({ kind }) => kind)).toEqual([
      'asked',
      'response.started',
      'usage',
      'response.output',
      'audio',
      'audio',
      'usage',
      'audio',
      'transcript',
      'response.ended',
    ]);
    expect(reader.of('transcript')).toMatchObject([{ itemId: 'ctx_a', text: 'Hello wörld 👋.Bye.' }]);
    expect(reader.of('response.ended')).toMatchObject([{ responseId: 'ctx_a', outcome: 'completed' }]);
  });

  it('P8 audio by each context’s own format, also after a cancel', () => {
    const reader = opened().fixture(speech, 'several-contexts');
    expect(reader.of('audio').map(({ ms }) => ms)).toEqual([100, 100, 50, 100]);
    expect(reader.of('response.ended').map(({ responseId, outcome }) => [responseId, outcome])).toEqual([
      ['ctx_c', 'failed'],
      ['ctx_b', 'interrupted'],
      ['ctx_a', 'completed'],
      ['ctx_a', 'completed'],
    ]);
    expect(
      opened()
        .upstream(answer('chunk', 'x', { data: 'AAAA' }))
        .of('audio'),
    ).toEqual([{ kind: 'audio', speaker: 'model', bytes: 3, ms: null }]);
  });

  it('P8 P9 errors in both shapes, without the key that one quotes', () => {
    const errors = opened().fixture(speech, 'errors-of-old').of('error');
    expect(errors).toEqual([
      { kind: 'error', code: '400', message: 'Invalid voice: the voice of [key] may not change.' },
      { kind: 'error', code: '429', message: 'Too many requests: wait.' },
      { kind: 'error', code: '400', message: 'Invalid JSON: not an object' },
    ]);
    expect(opened().fixture(speech, 'several-contexts').of('error')).toEqual([
      { kind: 'error', code: 'model_not_found', message: 'No model sonic-0.' },
    ]);
  });

  it('P8 a cancelled context counts what was submitted, even before any audio', () => {
    const reader = opened().client(say('c', 'four')).client('{"context_id":"c","cancel":true}');
    expect(reader.of('usage')).toMatchObject([{ usage: { characters: 4 } }]);
    expect(reader.upstream(answer('done', 'c')).of('response.ended')).toMatchObject([
      { outcome: 'interrupted' },
    ]);
  });

  it('P8 text under the name of a cancelled context that has not ended: the end is the cancelled one’s, what follows tells of the other', () => {
    const crossed = () =>
      opened()
        .client(say('c', 'four'))
        .client('{"context_id":"c","cancel":true}')
        .client(say('c', 'again'))
        .upstream(answer('done', 'c'));
    const counted = (reader: ReturnType<typeof crossed>) =>
      reader.of('usage').map((each) => each.kind === 'usage' && each.usage);
    const refused = crossed().upstream(answer('error', 'c', { title: 'Bad request', status_code: 400 }));
    expect(counted(refused)).toEqual([{ unit: 'characters', characters: 4 }]);
    expect(refused.of('response.ended')).toMatchObject([{ outcome: 'interrupted' }, { outcome: 'failed' }]);
    const spoken = crossed()
      .upstream(answer('chunk', 'c', { data: 'AAAA' }))
      .upstream(answer('done', 'c'));
    expect(counted(spoken)).toMatchObject([{ characters: 4 }, { characters: 5 }]);
    expect(spoken.of('response.ended')).toMatchObject([{ outcome: 'interrupted' }, { outcome: 'completed' }]);
  });

  it('P8 text for a context whose last text came is refused, and not counted', () => {
    const reader = opened().client(say('c', 'four'));
    reader.upstream(answer('chunk', 'c', { data: 'AAAA' })).client(say('c', 'more'));
    expect(reader.of('usage')).toMatchObject([{ usage: { characters: 4 } }]);
    reader.upstream(answer('error', 'c', { title: 'Bad request', message: 'closed', status_code: 400 }));
    expect([reader.of('usage').length, reader.of('response.ended').length]).toEqual([1, 1]);
  });

  it('P8 P10 a context that is pushed out by too many is counted first; a long text becomes several transcripts', () => {
    const reader = opened();
    for (let index = 0; index < 65; index += 1) reader.client(say(`c${index}`, 'four', { continue: true }));
    expect(reader.of('usage')).toMatchObject([{ dedupeKey: 'c0/0', usage: { characters: 4 } }]);
    expect(reader.of('response.ended')).toEqual([
      { kind: 'response.ended', responseId: 'c0', outcome: 'incomplete' },
    ]);
    const long = opened()
      .client(say('c', 'x'.repeat(900), { continue: true }))
      .client(say('c', 'end'));
    long.upstream(answer('chunk', 'c', { data: 'AAAA' })).upstream(answer('done', 'c'));
    expect(long.of('transcript').map(({ text }) => text.length)).toEqual([900, 3]);
  });

  it('P8 audio is owed for text, and an end for what is complete; not for a context that may get more', () => {
    const reader = opened();
    expect(reader.owes).toBe(false);
    reader.client(say('c', 'Hello', { continue: true }));
    expect(reader.owes).toBe(true);
    reader.upstream(answer('chunk', 'c', { data: 'AAAA' }));
    expect(reader.owes).toBe(false);
    reader.client(say('c', '', { continue: false }));
    expect(reader.owes).toBe(true);
    reader.upstream(answer('done', 'c'));
    expect(reader.owes).toBe(false);
    expect(reader.client(say('c', '')).observed.at(-1)).toMatchObject({ kind: 'response.ended' });
  });

  it('P8 what was being spoken when the session ended is told as incomplete', () => {
    const reader = opened().client(say('c', 'Hello')).client(say('d', 'never'));
    reader.upstream(answer('chunk', 'c', { data: 'AAAA' }));
    expect(cartesia.atEnd?.(reader.state, NO_LIFE)).toEqual([
      { kind: 'transcript', speaker: 'model', itemId: 'c', text: 'Hello' },
      { kind: 'response.ended', responseId: 'c', outcome: 'incomplete' },
    ]);
  });
});

describe('P5 restoring speech', () => {
  it('P5 what was not heard of is sent again word for word; what had begun fails; the cancelled is forgotten', () => {
    const waiting = [say('w', 'One ', { continue: true }), say('w', 'two.')];
    const reader = opened().client(say('s', 'spoken')).client(say('x', 'cancelled'));
    for (const frame of waiting) reader.client(frame);
    reader.upstream(answer('chunk', 's', { data: 'AAAA' })).client('{"cancel":true,"context_id":"x"}');
    const { send, complete, state } = cartesia.restore(reader.state);
    expect([send.upstream, complete]).toEqual([waiting, true]);
    expect(send.clients.map(parsed)).toMatchObject([
      { type: 'error', context_id: 's', done: true, status_code: 502, error_code: 'connection_lost' },
    ]);
    expect(state).toMatchObject({ contexts: [{ id: 'w' }] });
    expect(cartesia.intercepts(state)).toBe(false);
  });

  it('P5 P10 requests that are too long to keep are told as failed, not cut', () => {
    const reader = opened()
      .client(say('a', 'x'.repeat(60_000)))
      .client(say('b', 'x'.repeat(60_000)));
    const { send } = cartesia.restore(reader.state);
    expect(send.upstream).toHaveLength(1);
    expect(send.clients).toHaveLength(1);
    expect(parsed(send.clients[0])).toMatchObject({ context_id: 'b' });
  });
});
