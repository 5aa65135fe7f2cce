import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../protocol/json.ts';
import type { Observation } from '../../../protocol/observations.ts';
import type { ConnectRequest } from '../../../providers/adapter.ts';
import { assemblyai } from '../../../providers/assemblyai.ts';
import { readOffer } from '../../../worker/offer.ts';
import { payloadOf, providerContract, readFixtures, senderOf } from '../../contract/provider-contract.ts';

const fixtures = readFixtures('assemblyai', { 'two-turns': { seconds: 4 } });
const QUERY = [
  ['sample_rate', '16000'],
  ['format_turns', 'true'],
  ['speech_model', 'universal-streaming-english'],
] as const;
const KEY = '0123456789abcdef0123456789abcdef';

providerContract(assemblyai, fixtures, { query: QUERY });

function requestOf(about: Partial<ConnectRequest> = {}): ConnectRequest {
  return {
    path: '',
    query: QUERY,
    headers: {},
    subprotocols: [],
    baseUrl: 'https://streaming.assemblyai.com',
    credential: KEY,
    ...about,
  };
}
const opened = (about: Partial<ConnectRequest> = {}) =>
  assemblyai.restore(assemblyai.begin(requestOf(about))).state;

function play(about: Partial<ConnectRequest> = {}) {
  let state = opened(about);
  const observed: Observation[] = [];
  for (const frame of fixtures[0]?.frames ?? []) {
    const reading = assemblyai.read(state, senderOf(frame), payloadOf(frame));
    state = reading.state;
    observed.push(...reading.observations);
  }
  return { state, of: (kind: Observation['kind']) => observed.filter((each) => each.kind === kind) };
}

describe('P2 dialling AssemblyAI', () => {
  it('P2 both routes lead to v3/ws, with the bare key', () => {
    for (const path of ['', 'v3/ws']) {
      expect(assemblyai.accepts(path)).toEqual({ ok: true });
      expect(assemblyai.dial(requestOf({ path }), opened())).toEqual({
        url: 'https://streaming.assemblyai.com/v3/ws?sample_rate=16000&format_turns=true&speech_model=universal-streaming-english',
        headers: { Authorization: KEY },
        subprotocols: [],
      });
    }
    expect(assemblyai.accepts('v2/realtime')).toEqual({ ok: false, suggestion: 'v3/ws' });
  });

  it('P2 a temporary token goes by query, as it came', () => {
    const token = `AQICAHh${'x'.repeat(90)}+/=`;
    const { url, headers } = assemblyai.dial(requestOf({ query: [], credential: token }), opened());
    expect(new URL(url).searchParams.get('token')).toBe(token);
    expect(headers).toEqual({});
  });

  it('P2 a model that asks for the simulator is no parameter of AssemblyAI', () => {
    const request = requestOf({ query: [['model', 'sim-streaming']] });
    expect(assemblyai.modelOf(request)).toBe('sim-streaming');
    expect(assemblyai.dial(request, opened()).url).not.toContain('model');
  });

  it('P9 the key is found in the header, bare, and in the query', () => {
    const offer = (url: string, headers: Record<string, string>) =>
      readOffer(new Request(url, { headers }), assemblyai.carriers);
    const url = 'https://h/v1/a/g/assemblyai?sample_rate=16000';
    expect(offer(url, { authorization: KEY }).providerKeys.map(({ value }) => value)).toEqual([KEY]);
    expect(offer(`${url}&token=T`, {})).toMatchObject({
      providerKeys: [{ value: 'T' }],
      query: [['sample_rate', '16000']],
    });
  });
});

describe('P8 what is read of AssemblyAI', () => {
  it('P8 the last transcript of each turn, formatted when it is asked for', () => {
    expect(play().of('transcript')).toMatchObject([{ text: 'Hello, I am here.' }, { text: 'Bye.' }]);
    const plain = play({ query: [['sample_rate', '16000']] });
    expect(plain.of('transcript')[0]).toMatchObject({ text: 'hello i am here' });
    expect(play().of('response.ended')).toHaveLength(2);
    expect(play().of('response.started')).toHaveLength(2);
    expect(play().of('error')).toEqual([{ kind: 'error', code: '3006', message: 'Invalid message type' }]);
    expect(play().of('audio')[0]).toMatchObject({ ms: 100 });
  });

  it('P8 session time is the bill: the provider’s own, else measured', () => {
    expect(play().of('usage')).toMatchObject([
      { source: 'provider', usage: { unit: 'seconds', seconds: 4 } },
    ]);
    const life = { openMs: 7_500, audioInMs: 100 };
    expect(assemblyai.atEnd?.(opened(), life)).toMatchObject([
      { source: 'measured', usage: { seconds: 7.5 } },
    ]);
    expect(assemblyai.atEnd?.(play().state, life)).toEqual([]);
  });

  it('P8 a session that is left is told to end, once, and its bill is owed', () => {
    const state = opened();
    expect([assemblyai.owes(state), assemblyai.farewell?.(state)]).toEqual([false, '{"type":"Terminate"}']);
    const { state: told } = assemblyai.read(state, { side: 'client', client: 'c1' }, '{"type":"Terminate"}');
    expect([assemblyai.owes(told), assemblyai.farewell?.(told)]).toEqual([true, null]);
    expect(assemblyai.owes(play().state)).toBe(false);
  });

  it('P8 the provider’s own end of the session is told', () => {
    const begin: JsonObject = { type: 'Begin', id: 'i', expires_at: 1_795_010_800 };
    expect(assemblyai.read(opened(), { side: 'upstream' }, JSON.stringify(begin)).expires).toEqual({
      atMs: 1_795_010_800_000,
    });
  });

  it('P5 a lost session is dialled again; one that was refused is not', () => {
    const again = [1006, 3005, 3006, 3007, 3008, 1008].map((code) =>
      assemblyai.resumable?.(code, '', opened()),
    );
    expect(again).toEqual([true, true, false, false, false, false]);
  });
});
