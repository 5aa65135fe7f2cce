import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../protocol/json.ts';
import type { ConnectRequest, Payload } from '../../../providers/adapter.ts';
import { openai as everySocket, openaiRealtime as openai } from '../../../providers/openai.ts';
import { FRESH, type OpenAIState } from '../../../providers/openai-state.ts';
import { nearestProvider, providerFor } from '../../../providers/registry.ts';
import { simulator } from '../../../providers/simulator.ts';
import {
  NO_LIFE,
  payloadOf,
  providerContract,
  readFixtures,
  senderOf,
} from '../../contract/provider-contract.ts';

const fixtures = readFixtures('openai', {
  'text-turn': { input: 11, output: 3 },
  'voice-turn': { input: 132, output: 121 },
  'function-call': { input: 40, output: 10 },
  interruption: { input: 30, output: 30 },
  errors: {},
});

providerContract(everySocket, fixtures);
providerContract(simulator, fixtures);

const REQUEST: ConnectRequest = {
  path: '',
  query: [['model', 'gpt-realtime']],
  headers: {},
  subprotocols: [],
  baseUrl: 'https://api.openai.com/v1',
  credential: 'sk-key',
};

const framesOf = (name: string) => fixtures.find((fixture) => fixture.name === name)?.frames ?? [];

function readFixture(name: string): { state: OpenAIState; observed: JsonValue[] } {
  let state = FRESH;
  const observed: JsonValue[] = [];
  for (const frame of framesOf(name)) {
    const reading = openai.read(state, senderOf(frame), payloadOf(frame));
    state = reading.state;
    observed.push(...(reading.observations as unknown as JsonValue[])); // observations are plain data
  }
  return { state, observed };
}

describe('P8 the end of a session', () => {
  it('P8 a response that it comes in the middle of is incomplete', () => {
    const created = '{"type":"response.created","response":{"id":"resp_1"}}';
    for (const adapter of [openai, simulator, everySocket]) {
      const { state } = adapter.read(adapter.begin(REQUEST), { side: 'upstream' }, created);
      expect(adapter.atEnd?.(state, NO_LIFE)).toEqual([
        { kind: 'response.ended', responseId: 'resp_1', outcome: 'incomplete' },
      ]);
    }
  });
});

describe('P2 dialling OpenAI', () => {
  it('P2 one credential, no beta signal, the client’s query in its order', () => {
    const request = {
      ...REQUEST,
      query: [
        ['tenant', 'a'],
        ['model', 'm x'],
      ] as const,
      subprotocols: ['realtime', 'openai-beta.realtime-v1'],
    };
    expect(openai.dial(request, FRESH)).toEqual({
      url: 'https://api.openai.com/v1/realtime?tenant=a&model=m+x',
      headers: { Authorization: 'Bearer sk-key' },
      subprotocols: ['realtime'],
    });
  });

  it('P2 a transcription session or a call names its own model', () => {
    const url = (query: ConnectRequest['query']) => openai.dial({ ...REQUEST, query }, FRESH).url;
    expect(
      url([
        ['intent', 'transcription'],
        ['model', 'm'],
      ]),
    ).toBe('https://api.openai.com/v1/realtime?intent=transcription');
    expect(
      url([
        ['call_id', 'rtc_1'],
        ['model', 'm'],
      ]),
    ).toBe('https://api.openai.com/v1/realtime?call_id=rtc_1');
  });

  it('P2 organisation and project come by subprotocol too', () => {
    const subprotocols = ['realtime', 'openai-organization.org-1', 'openai-project.proj_1'];
    expect(openai.dial({ ...REQUEST, subprotocols }, FRESH).headers).toMatchObject({
      'openai-organization': 'org-1',
      'openai-project': 'proj_1',
    });
  });

  it('P2 a name that is not known has a nearest one', () => {
    expect(providerFor('opanai', {})).toBeUndefined();
    expect(providerFor('__proto__', {})).toBeUndefined();
    expect([nearestProvider('opanai', {}), nearestProvider('simulater', {})]).toEqual([
      'openai',
      'simulator',
    ]);
  });
});

describe('P8 what is read', () => {
  it('P8 usage by modality, with the cached part; transcription apart, with its model', () => {
    const { observed } = readFixture('voice-turn');
    expect(observed).toContainEqual(
      expect.objectContaining({
        kind: 'usage',
        purpose: 'response',
        usage: {
          unit: 'tokens',
          tokens: {
            input: { text: 119, audio: 13, image: 0 },
            cached: { text: 64, audio: 0, image: 0 },
            output: { text: 30, audio: 91, image: 0 },
            reasoning: 0,
          },
        },
      }),
    );
    expect(observed).toContainEqual(
      expect.objectContaining({ kind: 'usage', purpose: 'transcription', model: 'gpt-4o-mini-transcribe' }),
    );
  });

  it('P8 audio by its format, in both directions; transcripts, turns, tools, errors', () => {
    const voice = readFixture('voice-turn').observed;
    expect(voice.filter((each) => (each as JsonObject)['kind'] === 'audio')).toEqual([
      ...Array.from({ length: 3 }, () => ({ kind: 'audio', speaker: 'user', bytes: 2_400, ms: 50 })),
      { kind: 'audio', speaker: 'model', bytes: 8, ms: 8 / 48 },
    ]);
    const kinds = (name: string) => readFixture(name).observed.map((each) => (each as JsonObject)['kind']);
    expect(kinds('voice-turn').filter((kind) => kind !== 'audio')).toEqual([
      'asked',
      'response.started',
      'response.output',
      'transcript',
      'usage',
      'transcript',
      'response.ended',
      'usage',
    ]);
    expect(kinds('function-call')).toContain('tool.called');
    expect(readFixture('interruption').observed).toContainEqual(
      expect.objectContaining({ kind: 'response.ended', outcome: 'interrupted' }),
    );
    expect(kinds('errors').filter((kind) => kind === 'error')).toHaveLength(3);
  });

  it('P8 an answer is owed from response.create or response.created to response.done', () => {
    const up = (state: OpenAIState, text: string) => openai.read(state, { side: 'upstream' }, text).state;
    const asked = openai.read(FRESH, { side: 'client', client: 'c1' }, '{"type":"response.create"}').state;
    expect([openai.owes(FRESH), openai.owes(asked)]).toEqual([false, true]);
    const open = up(asked, '{"type":"response.created","response":{"id":"r"}}');
    expect(openai.owes(open)).toBe(true);
    expect(openai.owes(up(open, '{"type":"response.done","response":{"id":"r","status":"completed"}}'))).toBe(
      false,
    );
    expect(
      openai.owes(up(asked, '{"type":"error","error":{"code":"conversation_already_has_active_response"}}')),
    ).toBe(false);
  });

  it('P9 a key that the provider quotes in an error is not observed', () => {
    const text =
      '{"type":"error","error":{"code":"invalid_api_key","message":"Incorrect API key provided: sk-abcd***wxyz."}}';
    const [error] = openai.read(FRESH, { side: 'upstream' }, text).observations;
    expect(error).toMatchObject({ message: 'Incorrect API key provided: [key].' });
  });
});

describe('P5 restoring a conversation', () => {
  /** An event of the broker's own making: always text. */
  const eventOf = (payload: Payload | undefined): JsonObject => {
    if (typeof payload !== 'string') throw new Error('no text frame');
    return JSON.parse(payload) as JsonObject; // the broker makes objects only
  };
  const typesOf = (payloads: readonly Payload[]) => payloads.map((each) => eventOf(each)['type']);

  it('P5 sends configuration and items again, swallows their answers, and is complete', () => {
    const before = openai.restore(FRESH).state;
    let state = [...framesOf('text-turn'), ...framesOf('voice-turn')].reduce(
      (each, frame) => openai.read(each, senderOf(frame), payloadOf(frame)).state,
      before,
    );
    const begun = openai.restore(state);
    expect(begun).toMatchObject({ complete: false, send: { upstream: [], clients: [] } });
    expect(openai.intercepts(begun.state)).toBe(true);
    const [created] = framesOf('text-turn');
    if (created === undefined) throw new Error('the fixture is empty');
    const greeting = openai.read(begun.state, { side: 'upstream' }, payloadOf(created));
    expect(greeting.route).toBe('nowhere');
    const sent = greeting.send?.upstream ?? [];
    expect(typesOf(sent)).toEqual([
      'session.update',
      ...Array.from({ length: 4 }, () => 'conversation.item.create'),
      'session.update',
    ]);
    const items = sent.slice(1, -1).map((each) => eventOf(each)['item'] as JsonObject); // each creates one
    expect(items.map(({ id, role, content }) => [id, role, (content as JsonObject[])[0]?.['text']])).toEqual([
      ['item_tu1', 'user', 'Say hi'],
      ['item_ta1', 'assistant', 'Hi'],
      ['item_vu2', 'user', 'Good morning'],
      ['item_va2', 'assistant', 'Hello'],
    ]);
    const config = eventOf(sent[0])['session'] as JsonObject; // a session.update carries one
    expect(config).toMatchObject({
      type: 'realtime',
      audio: { input: { turn_detection: { create_response: false } } },
    });
    expect(Object.keys(config)).not.toContain('expires_at');
    state = greeting.state;
    const answers = [
      '{"type":"session.updated","session":{}}',
      '{"type":"conversation.item.added","item":{"id":"item_tu1"}}',
      '{"type":"rate_limits.updated"}',
    ];
    for (const text of answers) {
      const reading = openai.read(state, { side: 'upstream' }, text);
      expect([text, reading.route, reading.restored]).toEqual([text, 'nowhere', undefined]);
      state = reading.state;
    }
    const last = openai.read(state, { side: 'upstream' }, '{"type":"session.updated","session":{}}');
    expect(last).toMatchObject({ route: 'nowhere', restored: true });
    expect(openai.intercepts(last.state)).toBe(false);
    expect(last.state.items).toHaveLength(4);
  });

  it('P5 a response that died with its socket ends for the clients', () => {
    const open = [
      '{"type":"response.created","response":{"id":"r9"}}',
      '{"type":"response.output_item.added","response_id":"r9","output_index":0,"item":{"id":"i9","type":"message"}}',
    ].reduce(
      (state, text) => openai.read(state, { side: 'upstream' }, text).state,
      openai.restore(FRESH).state,
    );
    const { send, state } = openai.restore(open);
    expect(typesOf(send.clients)).toEqual(['response.output_item.done', 'response.done']);
    expect(openai.owes(state)).toBe(false);
  });

  it('P5 an error that answers our own frame ends the wait, and no client sees it', () => {
    const greeted = openai.read(
      openai.restore(openai.restore(FRESH).state).state,
      { side: 'upstream' },
      '{"type":"session.created","session":{}}',
    );
    let { state } = greeted;
    for (const event_id of ['parley_restore_config', 'parley_restore_done']) {
      const reading = openai.read(
        state,
        { side: 'upstream' },
        JSON.stringify({ type: 'error', error: { event_id } }),
      );
      expect(reading.route).toBe('nowhere');
      state = reading.state;
    }
    expect(openai.intercepts(state)).toBe(false);
  });
});
