import { describe, expect, it } from 'vitest';
import {
  asArray,
  asObject,
  type JsonObject,
  type JsonValue,
  member,
  parseJson,
} from '../../../protocol/json.ts';
import type { Observation } from '../../../protocol/observations.ts';
import type { ConnectRequest, Payload } from '../../../providers/adapter.ts';
import { deepgram } from '../../../providers/deepgram.ts';
import type { DeepgramState } from '../../../providers/deepgram-state.ts';
import { readOffer } from '../../../worker/offer.ts';
import {
  type Fixture,
  payloadOf,
  providerContract,
  readFixtures,
  senderOf,
} from '../../contract/provider-contract.ts';

const PCM = [
  ['model', 'nova-3'],
  ['encoding', 'linear16'],
  ['sample_rate', '16000'],
] as const;
const fixtures = {
  listen: readFixtures('deepgram/listen', { 'two-utterances': { seconds: 6 } }),
  flux: readFixtures('deepgram/flux', { 'two-turns': { seconds: 2.5 } }),
  speak: readFixtures('deepgram/speak', { 'two-speeches': { characters: 32 } }),
  speech: readFixtures('deepgram/speech', { 'two-speeches': { characters: 29 } }),
  agent: readFixtures('deepgram/agent', { call: {} }),
};
const listen = { path: 'v1/listen', query: PCM };
const speak = { path: 'v1/speak', query: [['model', 'aura-2-thalia-en']] } as const;

providerContract(deepgram, fixtures.listen, listen);
providerContract(deepgram, fixtures.flux, { ...listen, path: 'v2/listen' });
providerContract(deepgram, fixtures.speak, speak);
providerContract(deepgram, fixtures.speech, { ...speak, path: 'v2/speak', billsLate: true });
providerContract(deepgram, fixtures.agent, { path: 'v1/agent/converse', query: [] });

const KEY = '0123456789abcdef0123456789abcdef01234567';
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2lnbmF0dXJl';

function requestOf(about: Partial<ConnectRequest>): ConnectRequest {
  return {
    path: 'v1/listen',
    query: [],
    headers: {},
    subprotocols: [],
    baseUrl: 'https://api.deepgram.com',
    credential: KEY,
    ...about,
  };
}

function opened(about: Partial<ConnectRequest>): DeepgramState {
  return deepgram.restore(deepgram.begin(requestOf(about))).state;
}

const up = (state: DeepgramState, payload: Payload) =>
  deepgram.read(state, { side: 'client', client: 'c1' }, payload).state;
const down = (state: DeepgramState, message: JsonObject) =>
  deepgram.read(state, { side: 'upstream' }, JSON.stringify(message));

function play([fixture]: readonly Fixture[], about: Partial<ConnectRequest>) {
  let state = opened(about);
  const observed: Observation[] = [];
  for (const frame of fixture?.frames ?? []) {
    const reading = deepgram.read(state, senderOf(frame), payloadOf(frame));
    state = reading.state;
    observed.push(...reading.observations);
  }
  const of = (kind: Observation['kind']) => observed.filter((each) => each.kind === kind);
  return { state, observed, of };
}

describe('P2 dialling Deepgram', () => {
  const dial = (about: Partial<ConnectRequest>) => {
    const request = requestOf(about);
    return deepgram.dial(request, deepgram.begin(request));
  };

  it('P2 the client’s path and query as they are, a key as Token', () => {
    const query = [...PCM, ['keyterm', 'a'], ['keyterm', 'b c']] as const;
    expect(dial({ query })).toEqual({
      url: 'https://api.deepgram.com/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000&keyterm=a&keyterm=b+c',
      headers: { Authorization: `Token ${KEY}` },
      subprotocols: [],
    });
  });

  it('P2 a temporary token goes as Bearer', () => {
    expect(dial({ credential: JWT }).headers).toEqual({ Authorization: `Bearer ${JWT}` });
    expect(dial({ credential: null }).headers).toEqual({});
  });

  it('P2 the agent has a host of its own, and no model in its query', () => {
    const agent = { path: 'v1/agent/converse', query: [['model', 'sim-agent']] } as const;
    expect(dial(agent).url).toBe('https://agent.deepgram.com/v1/agent/converse');
    expect(dial({ ...agent, baseUrl: 'https://eu.example' }).url).toBe(
      'https://eu.example/v1/agent/converse',
    );
  });

  it('P2 the SDK’s session id goes on, from a header or from a browser’s subprotocols', () => {
    const subprotocols = ['token', 'x-deepgram-session-id', 'session-1'];
    expect(dial({ subprotocols })).toMatchObject({
      headers: { 'x-deepgram-session-id': 'session-1' },
      subprotocols: [],
    });
    expect(dial({ headers: { 'x-deepgram-session-id': 's2' }, subprotocols }).headers).toMatchObject({
      'x-deepgram-session-id': 's2',
    });
  });

  it('P2 other paths are refused, with the nearest', () => {
    expect(deepgram.accepts('v1/agent/converse')).toEqual({ ok: true });
    expect(deepgram.accepts('')).toEqual({ ok: false, suggestion: 'v1/listen' });
    expect(deepgram.accepts('v3/speak')).toEqual({ ok: false, suggestion: 'v1/speak' });
    expect(deepgram.accepts('agent')).toEqual({ ok: false, suggestion: 'v1/agent/converse' });
  });
});

describe('P9 every place for a key', () => {
  const offer = (headers: Record<string, string>) =>
    readOffer(
      new Request('https://h/v1/a/g/deepgram/v1/listen?model=nova-3', { headers }),
      deepgram.carriers,
    );

  it.each([
    ['Token', { authorization: `Token ${KEY}` }, KEY],
    ['Bearer', { authorization: `Bearer ${JWT}` }, JWT],
    ['the pair token', { 'sec-websocket-protocol': `token, ${KEY}` }, KEY],
    ['the pair bearer', { 'sec-websocket-protocol': `bearer, ${JWT}` }, JWT],
  ])('P9 %s', (_, headers, key) => {
    expect(offer(headers).providerKeys.map(({ value }) => value)).toEqual([key]);
  });

  it('P2 a browser’s offer is answered with token, never with the key', () => {
    const { answer, subprotocols, gatewayToken } = offer({
      'sec-websocket-protocol': `cf-aig-authorization.T, token, ${KEY}, x-deepgram-session-id, uuid-1`,
    });
    expect(gatewayToken).toBe('T');
    expect(answer.open[0]).toBe('token');
    expect(JSON.stringify([answer, subprotocols])).not.toContain(KEY);
  });
});

describe('P8 speech to text', () => {
  it('P8 v1: final results are the transcript, Metadata is the bill, channels multiply it', () => {
    const { of } = play(fixtures.listen, listen);
    expect(of('transcript').map((each) => (each as { text: string }).text)).toEqual([
      'Hello, I have an order.',
      'When will it come?',
    ]);
    expect(of('usage')).toMatchObject([{ source: 'provider', usage: { seconds: 6 }, model: 'nova-3' }]);
    expect(of('audio')[0]).toEqual({ kind: 'audio', speaker: 'user', bytes: 640, ms: 20 });
  });

  it('P8 v1 without Metadata is measured, by the audio or else by the last result', () => {
    const life = { openMs: 9_000, audioInMs: 2_500 };
    const two = [...PCM, ['channels', '2']] as const;
    const state = opened({ query: two });
    expect(deepgram.atEnd?.(state, life)).toMatchObject([
      { source: 'measured', usage: { unit: 'seconds', seconds: 5 } },
    ]);
    const compressed = opened({ query: [['model', 'nova-3']] });
    const heard = down(compressed, { type: 'Results', start: 1.5, duration: 0.5 }).state;
    expect(deepgram.atEnd?.(heard, { ...life, audioInMs: null })).toMatchObject([{ usage: { seconds: 2 } }]);
    expect(deepgram.atEnd?.(play(fixtures.listen, listen).state, life)).toEqual([]);
  });

  it('P8 after CloseStream the bill is owed; it is asked for once', () => {
    const state = opened(listen);
    expect([deepgram.owes(state), deepgram.farewell?.(state)]).toEqual([false, '{"type":"CloseStream"}']);
    const closing = up(state, '{"type":"CloseStream"}');
    expect([deepgram.owes(closing), deepgram.farewell?.(closing)]).toEqual([true, null]);
    const billed = down(closing, { type: 'Metadata', duration: 1, channels: 1 }).state;
    expect([deepgram.owes(billed), deepgram.farewell?.(billed)]).toEqual([false, null]);
  });

  it('P8 Flux: turns from start to end, measured by their windows and then by the audio', () => {
    const { state, of } = play(fixtures.flux, { ...listen, path: 'v2/listen' });
    expect(of('response.started')).toHaveLength(2);
    expect(of('response.ended')).toMatchObject([
      { responseId: 'turn_1_0', outcome: 'completed' },
      { responseId: 'turn_1_1', outcome: 'completed' },
    ]);
    expect(of('transcript')).toMatchObject([{ text: 'Hello there my friend' }, { text: 'Bye' }]);
    expect(of('usage')).toMatchObject([
      { source: 'measured', usage: { seconds: 1.5 } },
      { usage: { seconds: 1 } },
    ]);
    expect(deepgram.atEnd?.(state, { openMs: 1, audioInMs: 3_000 })).toMatchObject([
      { usage: { seconds: 0.5 } },
    ]);
  });

  it('P5 only the sockets that know KeepAlive get one', () => {
    const every = (path: string) => deepgram.unattended?.every?.(requestOf({ path })) ?? null;
    expect(every('v1/listen')).toEqual({ ms: 4_000, payload: '{"type":"KeepAlive"}' });
    expect(every('v1/agent/converse')).toEqual(every('v1/listen'));
    expect([every('v2/listen'), every('v1/speak'), every('v2/speak')]).toEqual([null, null, null]);
  });
});

describe('P8 text to speech', () => {
  it('P8 v1: characters as code points at each Flush, turns from text to Flushed or Cleared', () => {
    const { of } = play(fixtures.speak, speak);
    expect(of('usage')).toMatchObject([
      { source: 'measured', usage: { characters: 21 } },
      { usage: { characters: 11 } },
    ]);
    expect(of('response.output')).toMatchObject([{ of: 'audio' }, { of: 'audio' }]);
    expect(of('response.ended')).toMatchObject([{ outcome: 'completed' }, { outcome: 'interrupted' }]);
    expect(of('audio')[0]).toMatchObject({ speaker: 'model', bytes: 640, ms: 640 / 48 });
  });

  it('P8 v1: text that was never flushed is counted when the socket is over', () => {
    const state = up(opened(speak), '{"type":"Speak","text":"Hello"}');
    expect(deepgram.atEnd?.(state, { openMs: 1, audioInMs: 0 })).toMatchObject([
      { source: 'measured', usage: { characters: 5 } },
    ]);
    const flushed = up(state, '{"type":"Flush"}');
    expect([deepgram.owes(state), deepgram.owes(flushed)]).toEqual([false, true]);
    expect(deepgram.owes(down(flushed, { type: 'Flushed', sequence_id: 0 }).state)).toBe(false);
  });

  it('P8 v2: each speech’s own report is the bill', () => {
    const { state, of } = play(fixtures.speech, { ...speak, path: 'v2/speak' });
    expect(of('usage')).toMatchObject([
      { source: 'provider', dedupeKey: 'dg_sp_1', usage: { characters: 18 } },
      { source: 'provider', dedupeKey: 'dg_sp_2', usage: { characters: 11 } },
    ]);
    expect(of('response.ended')).toMatchObject([{ outcome: 'completed' }, { outcome: 'interrupted' }]);
    expect(deepgram.atEnd?.(state, { openMs: 1, audioInMs: 0 })).toEqual([]);
  });

  it('P8 v2: a Flush without text is not waited for', () => {
    const asked = up(
      up(opened({ ...speak, path: 'v2/speak' }), '{"type":"Speak","text":" "}'),
      '{"type":"Flush"}',
    );
    expect(deepgram.owes(asked)).toBe(true);
    expect(deepgram.owes(down(asked, { type: 'Warning', code: 'NO_ACTIVE_SPEECH' }).state)).toBe(false);
  });
});

describe('P8 the voice agent', () => {
  const agent = { path: 'v1/agent/converse', query: [] };

  it('P8 transcripts, turns with the first audio, tools, errors, audio by the settings', () => {
    const { state, of } = play(fixtures.agent, agent);
    expect(of('transcript')).toMatchObject([
      { speaker: 'model', itemId: 'turn_1' },
      { speaker: 'user', text: 'What is the status of my order?' },
      { speaker: 'model', itemId: 'turn_2' },
      { speaker: 'user' },
      { speaker: 'model', itemId: 'turn_3' },
    ]);
    expect(of('response.ended')).toMatchObject([
      { outcome: 'completed' },
      { outcome: 'interrupted' },
      { outcome: 'completed' },
    ]);
    expect(of('response.output')).toHaveLength(3);
    expect(of('tool.called')).toEqual([{ kind: 'tool.called', callId: 'call_1', name: 'get_status' }]);
    expect(of('error')).toEqual([{ kind: 'error', code: 'TTS_TIMEOUT', message: 'Too slow.' }]);
    expect(of('audio').map((each) => (each as { ms: number }).ms)).toContain(20);
    expect(deepgram.atEnd?.(state, { openMs: 61_000, audioInMs: null })).toMatchObject([
      { source: 'measured', usage: { seconds: 61 } },
    ]);
  });

  it('P5 is restored by its settings, as they were changed, with what was said and without the greeting', () => {
    const again = deepgram.restore(play(fixtures.agent, agent).state);
    const [settings] = again.send.upstream.map((each) =>
      asObject(typeof each === 'string' ? parseJson(each) : undefined),
    );
    expect(settings).toMatchObject({
      type: 'Settings',
      audio: { output: { sample_rate: 24_000 } },
      agent: { think: { prompt: 'Be briefer.', provider: { type: 'open_ai' } } },
    });
    expect(member(settings?.['agent'], 'greeting')).toBeUndefined();
    const messages = asArray(member(member(settings?.['agent'], 'context'), 'messages'));
    expect(messages).toHaveLength(5);
    expect(messages?.[1]).toEqual({
      type: 'History',
      role: 'user',
      content: 'What is the status of my order?',
    });
    expect([again.complete, deepgram.intercepts(again.state)]).toEqual([false, true]);
    expect(down(again.state, { type: 'Welcome' }).route).toBe('nowhere');
    const applied = down(again.state, { type: 'SettingsApplied' });
    expect(applied).toMatchObject({ route: 'nowhere', restored: true });
    expect(deepgram.intercepts(applied.state)).toBe(false);
  });

  it('P5 several models keep their prompts; an agent that is only named goes again as it is', () => {
    const settings = (agent: JsonValue) => JSON.stringify({ type: 'Settings', audio: {}, agent });
    const again = (state: DeepgramState) => {
      const [frame] = deepgram.restore(state).send.upstream;
      return asObject(typeof frame === 'string' ? parseJson(frame) : undefined);
    };
    const update = '{"type":"UpdatePrompt","prompt":"New."}';
    const two = up(opened(agent), settings({ think: [{ provider: 1 }, { provider: 2, prompt: 'Old.' }] }));
    expect(again(up(two, update))).toMatchObject({
      agent: {
        think: [
          { provider: 1, prompt: 'New.' },
          { provider: 2, prompt: 'New.' },
        ],
      },
    });
    const named = up(opened(agent), settings('agent-id'));
    expect(again(up(named, update))).toEqual({ type: 'Settings', audio: {}, agent: 'agent-id' });
  });

  it('P8 audio in a container, or compressed, has no known length', () => {
    const out = (about: JsonObject) => {
      const state = up(
        opened(agent),
        JSON.stringify({ type: 'Settings', audio: { output: about }, agent: {} }),
      );
      return deepgram.read(state, { side: 'upstream' }, new ArrayBuffer(480)).observations;
    };
    expect(out({})).toMatchObject([{ ms: 10 }]);
    expect(out({ encoding: 'mulaw', sample_rate: 8000, container: 'none' })).toMatchObject([{ ms: 60 }]);
    expect(out({ container: 'wav' })).toMatchObject([{ ms: null }]);
    expect(out({ encoding: 'mp3' })).toMatchObject([{ ms: null }]);
  });

  it('P5 an answer that died with its socket is over for its clients', () => {
    const speaking = down(opened(agent), { type: 'AgentStartedSpeaking' }).state;
    expect(deepgram.owes(speaking)).toBe(true);
    const again = deepgram.restore(speaking);
    expect(again.send.clients).toEqual(['{"type":"AgentAudioDone"}']);
    expect(deepgram.owes(again.state)).toBe(false);
  });

  it('P10 a long conversation keeps its end', () => {
    let state = opened(agent);
    for (let turn = 0; turn < 100; turn += 1) {
      const content = `${turn} ${'x'.repeat(2_000)}`;
      state = down(state, { type: 'ConversationText', role: 'user', content }).state;
    }
    const kept = JSON.stringify(state);
    expect(kept.length).toBeLessThan(70_000);
    expect(kept).toContain('"99 x');
  });
});

describe('P5 what a close means', () => {
  it('P5 a lost or restarting server is dialled again; silence and bad data are not', () => {
    const again = (code: number, reason: string) => deepgram.resumable?.(code, reason, opened({}));
    expect([
      again(1006, ''),
      again(1011, 'NET-0000'),
      again(1011, 'NET-0001'),
      again(1008, 'DATA-0000'),
    ]).toEqual([true, true, false, false]);
  });

  it('P2 a refusal that a browser can read closes with the one code after which the SDK stays away', () => {
    expect(deepgram.refusalClose).toBe(1000);
  });
});
