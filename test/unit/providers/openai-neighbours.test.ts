import { describe, expect, it } from 'vitest';
import type { Observation } from '../../../protocol/observations.ts';
import type { ConnectRequest, Sender } from '../../../providers/adapter.ts';
import { openai } from '../../../providers/openai.ts';
import {
  NO_LIFE,
  payloadOf,
  providerContract,
  readFixtures,
  senderOf,
} from '../../contract/provider-contract.ts';

const FIXTURES = {
  responses: readFixtures('openai-responses', { 'two-turns': { input: 120, output: 20 } }),
  'live/sessions': readFixtures('openai-live', { 'one-call': { input: 20, output: 4, seconds: 4.5 } }),
  'realtime/translations': readFixtures('openai-translations', { speech: {} }),
};

for (const [path, fixtures] of Object.entries(FIXTURES)) providerContract(openai, fixtures, { path });

const REQUEST: ConnectRequest = {
  path: '',
  query: [],
  headers: {},
  subprotocols: [],
  baseUrl: 'https://api.openai.com/v1',
  credential: 'sk-key',
};

function observed(path: keyof typeof FIXTURES): readonly Observation[] {
  let state = openai.begin({ ...REQUEST, path });
  return (FIXTURES[path][0]?.frames ?? []).flatMap((frame) => {
    const reading = openai.read(state, senderOf(frame), payloadOf(frame));
    ({ state } = reading);
    return reading.observations;
  });
}

const urlOf = (path: string, query: ConnectRequest['query'] = []): string => {
  const request = { ...REQUEST, path, query };
  return openai.dial(request, openai.begin(request)).url;
};

describe('P2 the other WebSockets of OpenAI’s host', () => {
  it.each([
    'realtime',
    'realtime/translations',
    'live/sessions',
    'live/sessions/live_1-a/attach',
    'live/sessions/live_1-a/fork',
    'responses',
  ])('P2 %s is dialled where it is, with and without v1/', (path) => {
    for (const form of [path, `v1/${path}`]) {
      expect(openai.accepts(form)).toEqual({ ok: true });
      expect(urlOf(form)).toBe(`https://api.openai.com/v1/${path}`);
    }
  });

  it.each(['live', 'live/sessions/../secret', 'live/sessions/a/b/attach', 'live/sessions/x/delete', 'files'])(
    'P2 %s is none of them',
    (path) => expect(openai.accepts(path)).toEqual({ ok: false, suggestion: 'realtime' }),
  );

  it('P2 a model goes up where the URL names it, and nowhere else', () => {
    const query = [
      ['model', 'm'],
      ['tenant', 'a'],
    ] as const;
    expect(urlOf('realtime/translations', query)).toMatch(/\?model=m&tenant=a$/);
    expect(urlOf('responses', query)).toMatch(/\/responses\?tenant=a$/);
    expect(urlOf('live/sessions', query)).toMatch(/\/live\/sessions\?tenant=a$/);
  });

  it('P9 a token for certain models opens nothing whose model the URL does not decide', () => {
    const query = [['model', 'allowed']] as const;
    const models = ['realtime', 'realtime/translations', 'responses', 'live/sessions'].map((path) =>
      openai.modelOf({ path, query }),
    );
    expect(models).toEqual(['allowed', 'allowed', null, null]);
  });

  it('P2 the beta dialect is translated on the realtime wire only', () => {
    const signals = { headers: { 'openai-beta': 'realtime=v1' }, subprotocols: [] };
    expect(openai.translation?.(signals, { ...REQUEST, path: 'realtime' })).not.toBeNull();
    expect(openai.translation?.(signals, { ...REQUEST, path: 'responses' })).toBeNull();
  });

  it('P5 what was said on a neighbour’s socket ends with it; a conversation goes on', () => {
    const resumable = (path: string, code: number) => {
      const begun = openai.begin({ ...REQUEST, path });
      const greeted = openai.read(begun, { side: 'upstream' }, '{"type":"session.created","session":{}}');
      return openai.resumable?.(code, '', greeted.state);
    };
    expect([resumable('realtime', 1001), resumable('realtime', 4000)]).toEqual([true, false]);
    expect([resumable('responses', 1001), resumable('live/sessions', 1006)]).toEqual([false, false]);
  });
});

describe('P8 what is read of them', () => {
  it('P8 Responses: tokens with the cached and the reasoning part, turns, tools, errors', () => {
    const observations = observed('responses');
    expect(observations.map(({ kind }) => kind)).toEqual([
      'asked',
      'model',
      'response.started',
      'response.output',
      'transcript',
      'response.ended',
      'usage',
      'asked',
      'model',
      'response.started',
      'tool.called',
      'response.ended',
      'usage',
      'asked',
      'error',
    ]);
    expect(observations).toContainEqual(
      expect.objectContaining({
        dedupeKey: 'resp_r1',
        model: 'gpt-5.6',
        source: 'provider',
        usage: {
          unit: 'tokens',
          tokens: {
            input: { text: 50, audio: 0, image: 0 },
            cached: { text: 32, audio: 0, image: 0 },
            output: { text: 12, audio: 0, image: 0 },
            reasoning: 7,
          },
        },
      }),
    );
  });

  it('P8 GPT-Live: its growing sum is billed once, its delegations beside it, audio by its format', () => {
    const observations = observed('live/sessions');
    const usages = observations.flatMap((each) => (each.kind === 'usage' ? [each.usage] : []));
    expect(usages.filter(({ unit }) => unit === 'seconds')).toEqual([
      { unit: 'seconds', seconds: 2.5 },
      { unit: 'seconds', seconds: 1.5 },
      { unit: 'seconds', seconds: 0.5 },
    ]);
    expect(observations.filter(({ kind }) => kind === 'audio')).toEqual([
      { kind: 'audio', speaker: 'user', bytes: 3200, ms: 100 },
      { kind: 'audio', speaker: 'model', bytes: 6400, ms: 200 },
    ]);
  });

  it('P8 a GPT-Live side-band gets the user’s audio from the provider', () => {
    const state = openai.begin({ ...REQUEST, path: 'live/sessions/live_1/attach' });
    const reflected = JSON.stringify({ type: 'session.input_audio.append', audio: btoa('\0'.repeat(480)) });
    expect(openai.read(state, { side: 'upstream' }, reflected).observations).toEqual([
      { kind: 'audio', speaker: 'user', bytes: 480, ms: 10 },
    ]);
  });

  it('P8 GPT-Live audio of a format that nobody told has no length', () => {
    const state = openai.begin({ ...REQUEST, path: 'live/sessions' });
    const append = JSON.stringify({ type: 'session.input_audio.append', audio: 'AAAA' });
    expect(openai.read(state, { side: 'client', client: 'c1' }, append).observations).toEqual([
      { kind: 'audio', speaker: 'user', bytes: 3, ms: null },
    ]);
  });

  it('P8 translations tell no usage: the audio that went up is measured', () => {
    const state = openai.begin({ ...REQUEST, path: 'realtime/translations' });
    expect(openai.atEnd?.(state, { openMs: 9_000, audioInMs: 2_500 })).toMatchObject([
      { kind: 'usage', source: 'measured', usage: { unit: 'seconds', seconds: 2.5 }, model: null },
    ]);
    expect(openai.atEnd?.(state, { openMs: 9_000, audioInMs: null })).toEqual([]);
    expect(openai.atEnd?.(state, { openMs: 9_000, audioInMs: 0 })).toEqual([]);
  });

  it('P8 a response that the session ends in the middle of is incomplete', () => {
    const begun = openai.begin({ ...REQUEST, path: 'responses' });
    const created = '{"type":"response.created","response":{"id":"resp_1"}}';
    const { state } = openai.read(begun, { side: 'upstream' }, created);
    expect(openai.atEnd?.(state, NO_LIFE)).toEqual([
      { kind: 'response.ended', responseId: 'resp_1', outcome: 'incomplete' },
    ]);
  });

  it('P8 translations: audio and errors', () => {
    expect(observed('realtime/translations')).toEqual([
      { kind: 'audio', speaker: 'user', bytes: 9600, ms: 200 },
      { kind: 'audio', speaker: 'model', bytes: 4800, ms: 100 },
      { kind: 'error', code: 'invalid_value', message: 'No.' },
    ]);
  });

  it('P8 the last usage is waited for: of a response that was asked for, and after session.close', () => {
    const owes = (path: string, client: string, answer: string) => {
      const begun = openai.begin({ ...REQUEST, path });
      const asked = openai.read(begun, { side: 'client', client: 'c1' }, client).state;
      return [begun, asked, openai.read(asked, { side: 'upstream' }, answer).state].map((each) =>
        openai.owes(each),
      );
    };
    expect(owes('responses', '{"type":"response.create"}', '{"type":"error","error":{}}')).toEqual([
      false,
      true,
      false,
    ]);
    expect(owes('live/sessions', '{"type":"session.close"}', '{"type":"session.closed"}')).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('P8 responses on two streams at once: each has its first output', () => {
    const created = (id: string) =>
      UP(`{"type":"response.created","stream_id":"${id}","response":{"id":"r-${id}"}}`);
    const state = told('responses', created('a'), created('b'));
    const delta = '{"type":"response.output_text.delta","stream_id":"b","item_id":"i","delta":"Hi"}';
    const reading = openai.read(state, { side: 'upstream' }, delta);
    expect(reading.observations).toEqual([{ kind: 'response.output', responseId: 'r-b', of: 'text' }]);
    expect(openai.read(reading.state, { side: 'upstream' }, delta).observations).toEqual([]);
  });

  it('P8 the error that answers another frame is none of a request that is to come', () => {
    const asked = told(
      'responses',
      '{"type":"response.create"}',
      UP('{"type":"response.created","response":{"id":"r1"}}'),
      '{"type":"response.create"}',
    );
    expect(openai.owes(asked)).toBe(true);
    const begun = UP('{"type":"response.created","response":{"id":"r1"}}');
    expect(openai.owes(told('responses', '{"type":"response.create"}', begun))).toBe(true);
    for (const stray of ['{"type":"unheard.of"}', '{"type":', new ArrayBuffer(2)]) {
      const after = told(
        asked,
        stray,
        UP('{"type":"error","error":{}}'),
        UP('{"type":"response.completed","response":{"id":"r1"}}'),
      );
      expect(openai.owes(after)).toBe(true);
      const refused = UP('{"type":"error","error":{}}');
      expect(openai.owes(told(after, refused))).toBe(false);
    }
    const named = told(asked, '{"type":"unheard.of"}', UP('{"type":"error","stream_id":"a","error":{}}'));
    expect(openai.owes(told(named, UP('{"type":"response.completed","response":{"id":"r1"}}')))).toBe(false);
  });

  it('P8 a response that its client said something to is followed by another, which is waited for', () => {
    const completed = UP('{"type":"response.completed","response":{"id":"r1"}}');
    const accepted = UP('{"type":"response.steer.accepted","steer":{"id":"s1","previous_response_id":"r1"}}');
    const steered = told(
      'responses',
      '{"type":"response.create"}',
      UP('{"type":"response.created","response":{"id":"r1"}}'),
      '{"type":"response.steer","previous_response_id":"r1"}',
      accepted,
      accepted,
      completed,
    );
    expect(openai.owes(steered)).toBe(true);
    const failed = (code: string) => UP(`{"type":"response.steer.failed","error":{"code":"${code}"}}`);
    expect(openai.owes(told(steered, failed('response_not_found')))).toBe(true);
    expect(openai.owes(told(steered, failed('successor_creation_failed')))).toBe(false);
    expect(openai.owes(told(steered, UP('{"type":"response.steer.pending"}')))).toBe(false);
    const followed = UP('{"type":"response.created","response":{"id":"r2"}}');
    expect(
      openai.owes(told(steered, followed, UP('{"type":"response.completed","response":{"id":"r2"}}'))),
    ).toBe(false);
  });

  it('P8 a GPT-Live session names its model, by which its seconds have a price', () => {
    const started = UP('{"type":"session.started","session":{"model":"gpt-live-1"}}');
    const begun = openai.begin({ ...REQUEST, path: 'live/sessions' });
    const reading = openai.read(begun, { side: 'upstream' }, started.up);
    expect(reading.observations).toEqual([{ kind: 'model', model: 'gpt-live-1' }]);
    const usage = '{"type":"session.usage.updated","usage":{"seconds":2}}';
    expect(openai.read(reading.state, { side: 'upstream' }, usage).observations).toMatchObject([
      { model: 'gpt-live-1' },
    ]);
  });

  it('P8 a GPT-Live session is told of its end, once, and by nobody but its owner', () => {
    const started = UP('{"type":"session.started","session":{}}');
    const farewell = (path: string, ...frames: readonly (string | Up)[]) =>
      openai.farewell?.(told(path, ...frames));
    expect(farewell('live/sessions', started)).toBe('{"type":"session.close"}');
    expect(farewell('live/sessions/live_1/fork', started)).toBe('{"type":"session.close"}');
    expect(farewell('live/sessions')).toBeNull();
    const backend = (type: string) =>
      UP(`{"type":"response.event","event":{"type":"${type}","response":{"id":"r1"}}}`);
    const asked = [started, backend('response.created')];
    expect(farewell('live/sessions', ...asked)).toBeNull();
    expect(farewell('live/sessions', ...asked, backend('response.completed'))).not.toBeNull();
    const delegating = UP('{"type":"session.started","session":{"delegation":{"type":"responses"}}}');
    const delegated = UP('{"type":"session.delegation.created","delegation":{"target":"responses"}}');
    const request = '{"type":"response.create"}';
    for (const asking of [request, delegated]) {
      expect(farewell('live/sessions', delegating, asking)).toBeNull();
      expect(
        farewell('live/sessions', delegating, asking, ...asked, backend('response.completed')),
      ).not.toBeNull();
      const over = told('live/sessions', delegating, asking, UP('{"type":"session.closed"}'));
      expect(openai.owes(over)).toBe(false);
    }
    expect(farewell('live/sessions', started, request)).not.toBeNull();
    expect(farewell('live/sessions/live_1/attach', started)).toBeNull();
    expect(farewell('live/sessions', started, '{"type":"session.close"}')).toBeNull();
    expect(farewell('live/sessions', started, UP('{"type":"session.closed"}'))).toBeNull();
    expect(farewell('realtime/translations', UP('{"type":"session.created","session":{}}'))).toBeNull();
    expect(farewell('realtime', UP('{"type":"session.created","session":{}}'))).toBeNull();
  });

  it('P8 of a GPT-Live session that was cut off the time since its last sum is measured', () => {
    const started = UP('{"type":"session.started","session":{}}');
    const sum = UP('{"type":"session.usage.updated","usage":{"seconds":5}}');
    const rest = (path: string, ...frames: readonly (string | Up)[]) =>
      openai.atEnd?.(told(path, ...frames), { openMs: 7_250, audioInMs: null });
    expect(rest('live/sessions', started, sum)).toMatchObject([
      { kind: 'usage', source: 'measured', usage: { unit: 'seconds', seconds: 2.25 } },
    ]);
    expect(rest('live/sessions', started)).toMatchObject([{ usage: { seconds: 7.25 } }]);
    expect(rest('live/sessions', sum)).toEqual([]);
    expect(
      rest('live/sessions', started, UP('{"type":"session.usage.updated","usage":{"seconds":8}}')),
    ).toEqual([]);
    expect(rest('live/sessions', started, UP('{"type":"session.closed","usage":{"seconds":5}}'))).toEqual([]);
    expect(rest('live/sessions/live_1/attach', started, sum)).toEqual([]);
  });
});

/** What the provider sends. */
interface Up {
  readonly up: string;
}

type State = ReturnType<typeof openai.begin>;

const UP = (up: string): Up => ({ up });
const CLIENT: Sender = { side: 'client', client: 'c1' };

/** The state after these frames. @param from a path, or what went before */
function told(from: string | State, ...frames: readonly (string | ArrayBuffer | Up)[]): State {
  const begun = typeof from === 'string' ? openai.begin({ ...REQUEST, path: from }) : from;
  return frames.reduce<State>((state, frame) => {
    const isUp = typeof frame === 'object' && 'up' in frame;
    return openai.read(state, isUp ? { side: 'upstream' } : CLIENT, isUp ? frame.up : frame).state;
  }, begun);
}
