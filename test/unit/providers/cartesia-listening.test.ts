import { describe, expect, it } from 'vitest';
import type { ConnectRequest } from '../../../providers/adapter.ts';
import { cartesia, type CartesiaState } from '../../../providers/cartesia.ts';
import { providerContract, readFixtures, NO_LIFE } from '../../contract/provider-contract.ts';
import { AdapterReader, UPSTREAM } from '../../support/adapter-reader.ts';

const STT_QUERY = [
  ['model', 'ink-2'],
  ['encoding', 'pcm_s16le'],
  ['sample_rate', '16000'],
] as const;

const byFinalize = readFixtures('cartesia-stt', {
  'two-segments': { seconds: 0.3 + 0.15 + 0.1 },
  error: { seconds: 0.1 },
});
const byTurns = readFixtures('cartesia-turns', { 'two-turns': { seconds: 0.4 + 0.1 } });

providerContract(cartesia, byFinalize, { path: 'stt/websocket', query: STT_QUERY });
providerContract(cartesia, byTurns, { path: 'stt/turns/websocket', query: STT_QUERY });

const LISTENING: ConnectRequest = {
  headers: {},
  subprotocols: [],
  baseUrl: 'https://api.cartesia.ai',
  credential: 'sk_car_key',
  path: 'stt/websocket',
  query: STT_QUERY,
};
const TURNS: ConnectRequest = { ...LISTENING, path: 'stt/turns/websocket', query: STT_QUERY };
const opened = (request = LISTENING) => new AdapterReader(cartesia, request);

describe('P2 dialling Cartesia to listen', () => {
  it('P2 native paths are themselves, and the query goes on as it is', () => {
    const url = (request: ConnectRequest) => cartesia.dial(request, cartesia.begin(request)).url;
    const query = [...STT_QUERY, ['keyterm', 'a'], ['keyterm', 'b c']] as const;
    expect(url({ ...LISTENING, query })).toBe(
      'https://api.cartesia.ai/stt/websocket?model=ink-2&encoding=pcm_s16le&sample_rate=16000&keyterm=a&keyterm=b+c',
    );
    expect(url(TURNS)).toContain('https://api.cartesia.ai/stt/turns/websocket?model=ink-2');
  });
});

describe('P8 what is read of listening', () => {
  it('P8 deltas join to one transcript a segment; audio is measured, silence included', () => {
    const reader = opened().fixture(byFinalize, 'two-segments');
    expect(reader.of('transcript').map(({ itemId, text, speaker }) => [itemId, speaker, text])).toEqual([
      ['9f1c/0', 'user', 'Good morning.'],
      ['9f1c/1', 'user', 'Bye'],
    ]);
    expect(reader.of('usage').map(({ usage, source, raw }) => [usage, source, raw])).toEqual([
      [{ unit: 'seconds', seconds: 0.3 }, 'measured', { audio_bytes: 9600, duration: 0.3 }],
      [{ unit: 'seconds', seconds: 0.15 }, 'measured', { audio_bytes: 4800, duration: 0.15 }],
      [{ unit: 'seconds', seconds: 0.1 }, 'measured', { audio_bytes: 3200, duration: null }],
    ]);
    expect(reader.of('audio').map(({ ms }) => ms)).toEqual([100, 100, 100, 100, 50, 100]);
    expect(reader.of('asked')).toHaveLength(1);
  });

  it.each([
    ['pcm_f32le', '48000', 192],
    ['pcm_s32le', '16000', 64],
    ['pcm_f16le', '16000', 32],
    ['pcm_mulaw', '8000', 8],
    ['pcm_alaw', '8000', 8],
  ])('P8 %s at %s Hz has %i bytes a ms', (encoding, rate, bytes) => {
    const query = [
      ['encoding', encoding],
      ['sample_rate', rate],
    ] as const;
    const reader = opened({ ...LISTENING, query }).client(new ArrayBuffer(bytes * 10));
    expect(reader.of('audio')).toMatchObject([{ ms: 10 }]);
  });

  it('P8 in a format that is not known the provider’s duration counts, and nothing is invented', () => {
    const reader = opened({ ...LISTENING, query: [['encoding', 'opus']] }).client(new ArrayBuffer(50));
    expect(reader.of('audio')).toMatchObject([{ ms: null }]);
    reader.upstream('{"type":"transcript","text":"Hi","is_final":true,"duration":1.5,"request_id":"r"}');
    expect(reader.of('usage')).toMatchObject([{ usage: { seconds: 1.5 }, source: 'provider' }]);
    expect(cartesia.atEnd?.(reader.client(new ArrayBuffer(50)).state, NO_LIFE)).toEqual([]);
  });

  it('P8 commands are bare words; the answer to finalize and close is owed', () => {
    const reader = opened().client('"finalize"').client('{"type":"close"}');
    expect(reader.owes).toBe(false);
    expect(reader.client('finalize').owes).toBe(true);
    expect(reader.upstream('{"type":"flush_done"}').owes).toBe(false);
    expect(reader.client('done').owes).toBe(true);
    expect(reader.upstream('{"type":"done"}').owes).toBe(false);
    expect(opened().fixture(byFinalize, 'error').owes).toBe(false);
  });

  it('P8 a turn is a response, with its last text', () => {
    const reader = opened(TURNS).fixture(byTurns, 'two-turns');
    expect(reader.of('transcript').map(({ text }) => text)).toEqual(['What time is it?', 'Thanks.']);
    expect(reader.of('response.started')).toHaveLength(2);
    expect(reader.of('response.output')).toHaveLength(2);
    expect(reader.of('response.ended').map(({ outcome }) => outcome)).toEqual(['completed', 'completed']);
    expect(reader.owes).toBe(true);
  });

  it('P8 the end of the session counts the audio since the last text, and tells the turn in progress', () => {
    const reader = opened(TURNS)
      .client(new ArrayBuffer(3200))
      .upstream('{"type":"turn.update","transcript":"Wait"}');
    expect(cartesia.atEnd?.(reader.state, NO_LIFE)).toMatchObject([
      { kind: 'usage', usage: { seconds: 0.1 } },
      { kind: 'transcript', text: 'Wait' },
      { kind: 'response.ended', outcome: 'incomplete' },
    ]);
  });
});

describe('P5 restoring listening', () => {
  it('P5 by finalize: what clients wait for is asked for again', () => {
    const sent = (read: AdapterReader<CartesiaState>) => cartesia.restore(read.state).send.upstream;
    expect(sent(opened().client(new ArrayBuffer(10)))).toEqual([]);
    expect(sent(opened().client('finalize'))).toEqual(['finalize']);
    expect(sent(opened().client('finalize').client('close'))).toEqual(['close']);
  });

  it('P5 by turns: the configuration is set again, the open turn ends once, the new greeting is swallowed', () => {
    const reader = opened(TURNS)
      .upstream('{"type":"connected","request_id":"r1"}')
      .client('{"type":"config","turn":{"end_timeout_ms":900}}')
      .client('{"type":"config","turn":{"start_threshold":0.4}}')
      .upstream('{"type":"turn.start","request_id":"r1"}')
      .upstream('{"type":"turn.update","transcript":"Half a","request_id":"r1"}');
    expect(cartesia.atEnd?.(reader.state, NO_LIFE)).toMatchObject([
      { kind: 'transcript', text: 'Half a' },
      { kind: 'response.ended', outcome: 'incomplete' },
    ]);
    const first = cartesia.restore(reader.state);
    expect(first.send).toEqual({
      upstream: ['{"type":"config","turn":{"end_timeout_ms":900,"start_threshold":0.4}}'],
      clients: ['{"type":"turn.end","transcript":"Half a","request_id":"r1"}'],
    });
    expect(cartesia.restore(first.state).send.clients).toEqual([]);
    expect(cartesia.intercepts(first.state)).toBe(true);
    const greeting = cartesia.read(first.state, UPSTREAM, '{"type":"connected","request_id":"r2"}');
    expect(greeting.route).toBe('nowhere');
    expect(cartesia.intercepts(greeting.state)).toBe(false);
    const next = cartesia.read(greeting.state, UPSTREAM, '{"type":"turn.start","request_id":"r2"}');
    expect(next).toMatchObject({
      route: 'across',
      observations: [{ kind: 'response.started' }],
    });
  });
});
