import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../protocol/json.ts';
import type { Observation } from '../../../protocol/observations.ts';
import type { Payload } from '../../../providers/adapter.ts';
import { gemini } from '../../../providers/gemini.ts';
import { vertex } from '../../../providers/gemini-vertex.ts';
import { FRESH, type GeminiState } from '../../../providers/gemini-state.ts';
import { messageOf, serverFrame } from '../../../providers/gemini-wire.ts';
import {
  NO_LIFE,
  payloadOf,
  providerContract,
  readFixtures,
  senderOf,
} from '../../contract/provider-contract.ts';

const fixtures = readFixtures('gemini', {
  'text-turn': { input: 21 + 34, output: 6 + 3 },
  'voice-turn': { input: 522, output: 42 + 136 },
  'tool-call': { input: 80 + 95 + 7, output: 9 + 20 },
  interruption: { input: 60 + 130, output: 50 + 12 },
  'session-end': { input: 10, output: 4 },
});

providerContract(gemini, fixtures);
providerContract(vertex, fixtures, { query: [['location', 'us-central1']] });

function readFixture(name: string, until = Infinity): { state: GeminiState; observed: Observation[] } {
  const frames = fixtures.find((fixture) => fixture.name === name)?.frames ?? [];
  let { state } = gemini.restore(FRESH);
  const observed: Observation[] = [];
  for (const frame of frames.slice(0, until)) {
    const reading = gemini.read(state, senderOf(frame), payloadOf(frame));
    state = reading.state;
    observed.push(...reading.observations);
  }
  return { state, observed };
}

const up = (state: GeminiState, message: JsonObject) =>
  gemini.read(state, { side: 'upstream' }, serverFrame(message));
const down = (state: GeminiState, message: JsonValue) =>
  gemini.read(state, { side: 'client', client: 'c1' }, JSON.stringify(message));
const opened = (setup: JsonObject): GeminiState => down(gemini.restore(FRESH).state, { setup }).state;

describe('P8 the end of a turn', () => {
  const said = (state: GeminiState) =>
    down(state, { clientContent: { turns: [{ parts: [{ text: 'Hi' }] }], turnComplete: true } }).state;

  it('P8 a turn that the session ends in the middle of is incomplete, and what was said of it is told', () => {
    const { state } = up(said(opened({})), { serverContent: { modelTurn: { parts: [{ text: 'He' }] } } });
    expect(gemini.atEnd?.(state, NO_LIFE)).toEqual([
      { kind: 'transcript', speaker: 'model', itemId: 'turn_1', text: 'He' },
      { kind: 'response.ended', responseId: 'turn_1', outcome: 'incomplete' },
    ]);
    expect(gemini.atEnd?.(opened({}), NO_LIFE)).toEqual([]);
  });

  it('P8 who asks again before the first output is still owed an answer, and its usage, when the first was cut', () => {
    let state = said(said(opened({})));
    const cut = up(state, { serverContent: { interrupted: true } });
    const ended = up(cut.state, { serverContent: { turnComplete: true } });
    expect(
      [...cut.observations, ...ended.observations].filter(({ kind }) => kind.startsWith('resp')),
    ).toEqual([
      { kind: 'response.started', responseId: 'turn_1' },
      { kind: 'response.ended', responseId: 'turn_1', outcome: 'interrupted' },
    ]);
    expect(gemini.owes(ended.state)).toBe(true);
    state = up(ended.state, { serverContent: { modelTurn: { parts: [{ text: 'Hello' }] } } }).state;
    expect(gemini.owes(up(state, { serverContent: { turnComplete: true } }).state)).toBe(false);
  });
});

describe('P8 what is read', () => {
  const usages = (observed: readonly Observation[]) => observed.filter((each) => each.kind === 'usage');

  it('P8 usage by modality: what details lack is text, thoughts are output, cached is part of the input', () => {
    const [voice, ...more] = usages(readFixture('voice-turn').observed);
    expect(voice).toMatchObject({
      model: 'gemini-3.8-live',
      source: 'provider',
      usage: {
        tokens: {
          input: { text: 357, audio: 165, image: 0 },
          output: { text: 100, audio: 42, image: 0 },
          reasoning: 100,
        },
      },
    });
    // The second snapshot of the same generation adds what it grew by.
    expect(more).toMatchObject([
      {
        usage: { tokens: { input: { text: 0, audio: 0, image: 0 }, output: { text: 36 }, reasoning: 36 } },
        raw: { thoughtsTokenCount: 136, totalTokenCount: 564 },
      },
    ]);
    expect(usages(readFixture('text-turn').observed)[1]).toMatchObject({
      usage: { tokens: { input: { text: 34 }, cached: { text: 16 } } },
    });
  });

  it('P8 a snapshot that shrank, or that comes after a turn or a tool’s response, counts whole', () => {
    const keys = usages(readFixture('tool-call').observed).map((each) => each.dedupeKey);
    expect(keys).toEqual(['snapshot_1', 'snapshot_2']);
    const usageMetadata = (promptTokenCount: number) => ({ usageMetadata: { promptTokenCount } });
    const first = up(opened({}), usageMetadata(50));
    const second = up(first.state, usageMetadata(20));
    expect(second.observations).toMatchObject([{ usage: { tokens: { input: { text: 20 } } } }]);
    expect(up(second.state, usageMetadata(20)).observations).toEqual([]);
    const ended = up(second.state, { serverContent: { turnComplete: true } }).state;
    expect(up(ended, usageMetadata(20)).observations).toHaveLength(1);
  });

  it('P8 counts without details are of the modality that the setup asks for', () => {
    const bare = {
      usageMetadata: { promptTokenCount: 5, responseTokenCount: 7, cachedContentTokenCount: 2 },
    };
    const outputOf = (setup: JsonObject) => up(opened(setup), bare).observations;
    expect(outputOf({})).toMatchObject([
      { usage: { tokens: { input: { text: 5 }, cached: { text: 2 }, output: { audio: 7, text: 0 } } } },
    ]);
    expect(outputOf({ generation_config: { response_modalities: ['TEXT'] } })).toMatchObject([
      { usage: { tokens: { output: { audio: 0, text: 7 } } } },
    ]);
  });

  it('P8 audio by its MIME type, transcripts whole, thoughts apart', () => {
    const { observed } = readFixture('voice-turn');
    expect(observed.filter((each) => each.kind === 'audio').map(({ speaker, ms }) => [speaker, ms])).toEqual([
      ['user', 100],
      ['user', 100],
      ['user', 100],
      ['user', 100],
      ['model', 100],
      ['model', 200],
    ]);
    expect(observed.filter((each) => each.kind === 'transcript')).toEqual([
      { kind: 'transcript', speaker: 'user', itemId: 'turn_1', text: ' what time is it?' },
      { kind: 'transcript', speaker: 'model', itemId: 'turn_1', text: 'It is noon.' },
    ]);
    expect(observed).toContainEqual({ kind: 'response.output', responseId: 'turn_1', of: 'audio' });
    const unknown = { inlineData: { mimeType: 'audio/opus', data: 'AAAA' } };
    const opus = up(opened({}), { serverContent: { modelTurn: { parts: [unknown] } } });
    expect(opus.observations).toContainEqual({ kind: 'audio', speaker: 'model', bytes: 3, ms: null });
    const chunk = { mimeType: 'audio/l16;rate=48000;channels=2', data: 'AAAAAAAAAAA=' };
    expect(up(FRESH, { serverContent: { audioChunks: [chunk] } }).observations).toEqual([
      { kind: 'audio', speaker: 'model', bytes: 8, ms: 8 / 192 },
    ]);
  });

  it('P8 who interrupts is heard in the next turn', () => {
    const { observed } = readFixture('interruption');
    expect(
      observed.filter((each) => each.kind === 'transcript').map((each) => [each.itemId, each.text]),
    ).toEqual([
      ['turn_1', 'Tell me a story.'],
      ['turn_1', 'Once upon a'],
      ['turn_2', 'Stop.'],
      ['turn_2', 'Okay.'],
    ]);
    expect(observed.filter((each) => each.kind === 'response.ended').map((each) => each.outcome)).toEqual([
      'interrupted',
      'completed',
    ]);
  });

  it('P8 tools, failures, clients that write snake case', () => {
    expect(readFixture('tool-call').observed).toContainEqual({
      kind: 'tool.called',
      callId: 'call_t1',
      name: 'get_time',
    });
    const { observed } = readFixture('session-end');
    expect(observed.map((each) => each.kind)).toEqual([
      'model',
      'asked',
      'error',
      'response.started',
      'response.output',
      'usage',
      'transcript',
      'response.ended',
    ]);
    expect(observed[0]).toEqual({ kind: 'model', model: 'gemini-3.8-live' });
    expect(observed[2]).toMatchObject({ code: 'MALFORMED_FUNCTION_CALL' });
  });

  it('P8 an answer is owed from the question to turnComplete, but not while a client owes a tool’s response', () => {
    const owed = (name: string, frames: number) => gemini.owes(readFixture(name, frames).state);
    expect([2, 3, 6, 7].map((frames) => owed('text-turn', frames))).toEqual([false, true, true, false]);
    expect([4, 5, 9].map((frames) => owed('tool-call', frames))).toEqual([false, true, false]);
    const history = { historyConfig: { initialHistoryInClientContent: true } };
    const content = { clientContent: { turns: [{ parts: [{ text: 'hi' }] }], turnComplete: true } };
    const first = down(opened(history), content).state;
    expect([gemini.owes(first), gemini.owes(down(first, content).state)]).toEqual([false, true]);
    expect(
      gemini.owes(up(down(first, content).state, { serverContent: { waitingForInput: true } }).state),
    ).toBe(false);
  });

  it('P5 goAway tells when the socket ends', () => {
    expect(up(FRESH, { goAway: { timeLeft: '9.5s' } }).expires).toEqual({ inMs: 9_500 });
    expect(up(FRESH, { goAway: { timeLeft: 'soon' } }).expires).toBeUndefined();
  });

  it('P7 only the first setup goes up', () => {
    const matches = (payload: Payload) => gemini.once?.matches(payload);
    expect(matches('{"setup":{"model":"models/m"}}')).toBe(true);
    expect(matches('{"set\\u0075p":{}}')).toBe(true);
    expect(matches(serverFrame({ setup: {} }))).toBe(true);
    expect(matches('{"realtimeInput":{"text":"the \\"setup\\": word"}}')).toBe(false);
    expect(matches('{"clientContent":{"turns":[{"parts":[{"setup":1}]}]}}')).toBe(false);
    const answer = gemini.once?.answer;
    expect(answer).toBeInstanceOf(ArrayBuffer);
    expect(answer === undefined || answer === null ? null : messageOf(answer)).toEqual({ setupComplete: {} });
  });

  it('P5 a close says whether the session may go on', () => {
    const begun = { ...FRESH, setup: { model: 'models/gemini' } };
    const may = (code: number, reason = '') => gemini.resumable?.(code, reason, begun);
    expect(gemini.resumable?.(1001, '', FRESH)).toBe(false);
    expect([1001, 1006, 1011, 1012, 1013].map((code) => may(code))).toEqual([true, true, true, true, true]);
    expect([1000, 1007, 1008, 4000].map((code) => may(code))).toEqual([false, false, false, false]);
    expect(may(1008, 'The operation was aborted.')).toBe(true);
    expect(may(1011, 'Deadline expired before operation could complete.')).toBe(true);
    expect(may(1011, 'You exceeded your current quota, please check your plan')).toBe(false);
  });
});

describe('P5 restoring a session', () => {
  const sent = (payloads: readonly Payload[]) => payloads.map((each) => messageOf(each));

  it('P5 by handle: the setup with the newest handle, and its setupComplete is swallowed', () => {
    const before = readFixture('voice-turn').state;
    const begun = gemini.restore(before);
    expect(begun.complete).toBe(false);
    expect(gemini.intercepts(begun.state)).toBe(true);
    expect(begun.send.clients).toEqual([]);
    expect(sent(begun.send.upstream)).toEqual([
      { setup: { ...before.setup, sessionResumption: { handle: 'handle_v1' } } },
    ]);
    const complete = up(begun.state, { setupComplete: {} });
    expect(complete).toMatchObject({ route: 'nowhere', restored: true, send: { upstream: [], clients: [] } });
    expect(gemini.intercepts(complete.state)).toBe(false);
    expect(up(complete.state, { setupComplete: {} }).route).toBe('across');
  });

  it('P5 a handle counts only while the session is resumable', () => {
    const update = (resumable: boolean, newHandle: string) => ({
      sessionResumptionUpdate: { resumable, newHandle },
    });
    const good = up(opened({}), update(true, 'handle_1')).state;
    expect(up(good, update(false, 'handle_2')).state.handle).toBe('handle_1');
    expect(up(good, update(true, '')).state.handle).toBe('handle_1');
    expect(up(good, update(true, 'handle_2')).state.handle).toBe('handle_2');
  });

  it('P5 without a handle, or when it was refused: the setup, then the words of the conversation', () => {
    const setup = { model: 'models/gemini-3.8-live', session_resumption: { handle: 'old' } };
    const { state } = up(opened(setup), { sessionResumptionUpdate: { resumable: true, newHandle: 'h1' } });
    const spoken = [
      { serverContent: { inputTranscription: { text: 'Hello', finished: true } } },
      { serverContent: { outputTranscription: { text: 'Hi.' } } },
      { serverContent: { turnComplete: true } },
    ].reduce((each, message) => up(each, message).state, state);
    const byHandle = gemini.restore(spoken);
    expect(sent(byHandle.send.upstream)).toEqual([
      { setup: { model: setup.model, sessionResumption: { handle: 'h1' } } },
    ]);
    const again = gemini.restore(byHandle.state);
    const plain = { model: setup.model, sessionResumption: {} };
    expect(sent(again.send.upstream)).toEqual([
      { setup: { ...plain, historyConfig: { initialHistoryInClientContent: true } } },
    ]);
    expect(sent(vertex.restore(byHandle.state).send.upstream)).toEqual([{ setup: plain }]);
    const complete = up(again.state, { setupComplete: {} });
    expect(sent(complete.send?.upstream ?? [])).toEqual([
      {
        clientContent: {
          turns: [
            { role: 'user', parts: [{ text: 'Hello' }] },
            { role: 'model', parts: [{ text: 'Hi.' }] },
          ],
          turnComplete: false,
        },
      },
    ]);
  });

  it('P5 a second-generation model is given a user’s turn last, and no announcement', () => {
    const setup = { model: 'models/gemini-2.5-flash-native-audio', historyConfig: {} };
    const turns = [
      { role: 'user', parts: [{ text: 'a' }] },
      { role: 'user', parts: [{ text: 'b' }] },
      { role: 'model', parts: [{ text: 'c' }] },
    ];
    const begun = gemini.restore(down(opened(setup), { clientContent: { turns } }).state);
    expect(sent(begun.send.upstream)).toEqual([{ setup }]);
    expect(sent(up(begun.state, { setupComplete: {} }).send?.upstream ?? [])).toEqual([
      { clientContent: { turns: [{ role: 'user', parts: [{ text: 'a\nb' }] }], turnComplete: false } },
    ]);
  });

  it('P5 a new socket begins with the context as it was updated', () => {
    const { send } = gemini.restore(readFixture('session-end', 4).state);
    expect(sent(send.upstream)).toMatchObject([
      {
        setup: {
          systemInstruction: { parts: [{ text: 'Be long.' }] },
          sessionResumption: { handle: 'handle_e1' },
        },
      },
    ]);
  });

  it('P5 clients are told of what died with the socket, in Google’s own frames', () => {
    const { send, state } = gemini.restore(readFixture('tool-call', 4).state);
    expect(send.clients.every((frame) => frame instanceof ArrayBuffer)).toBe(true);
    expect(sent(send.clients)).toEqual([
      { toolCallCancellation: { ids: ['call_t1'] } },
      { serverContent: { interrupted: true } },
      { serverContent: { turnComplete: true } },
    ]);
    expect(gemini.owes(state)).toBe(false);
  });

  it('P5 a session without a setup has nothing to restore', () => {
    const again = gemini.restore(gemini.restore(FRESH).state);
    expect(again).toMatchObject({ complete: true, send: { upstream: [], clients: [] } });
    const long = opened({ model: 'models/m', systemInstruction: { parts: [{ text: 'x'.repeat(200_000) }] } });
    expect(gemini.restore(long).complete).toBe(true);
  });

  it('P10 a long conversation is remembered from its end', () => {
    let state = opened({});
    for (let turn = 0; turn < 1_000; turn += 1) {
      state = down(state, { realtimeInput: { text: `${turn} ${'word '.repeat(100)}` } }).state;
    }
    expect(JSON.stringify(state.history).length).toBeLessThan(128_000);
    expect(state.history.at(-1)?.text).toContain('999 ');
  });
});
