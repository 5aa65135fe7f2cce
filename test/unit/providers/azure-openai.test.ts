import { describe, expect, it } from 'vitest';
import type { ConnectRequest } from '../../../providers/adapter.ts';
import { azureOpenai } from '../../../providers/azure-openai.ts';
import { FRESH, type OpenAIState } from '../../../providers/openai-state.ts';
import {
  jsonOf,
  payloadOf,
  providerContract,
  readFixtures,
  senderOf,
} from '../../contract/provider-contract.ts';

const preview = readFixtures('azure-openai', { 'preview-voice-turn': { input: 40, output: 20 } });
const PREVIEW_QUERY = [
  ['api-version', '2025-04-01-preview'],
  ['deployment', 'my-dep'],
] as const;

providerContract(azureOpenai, preview, { path: 'openai/realtime', query: PREVIEW_QUERY });

const REQUEST: ConnectRequest = {
  path: 'openai/v1/realtime',
  query: [['model', 'my-dep']],
  headers: {},
  subprotocols: [],
  baseUrl: 'https://res.openai.azure.com',
  credential: 'azkey',
};

const dial = (change: Partial<ConnectRequest>) => azureOpenai.dial({ ...REQUEST, ...change }, FRESH);

describe('P2 dialling Azure OpenAI', () => {
  it('P2 the GA path: the deployment as model, the key in its header, no beta header', () => {
    const headers = { 'openai-beta': 'realtime=v1' };
    expect(dial({ headers, subprotocols: ['realtime', 'openai-beta.realtime-v1'] })).toEqual({
      url: 'https://res.openai.azure.com/openai/v1/realtime?model=my-dep',
      headers: { 'api-key': 'azkey' },
      subprotocols: ['realtime'],
    });
  });

  it.each(['', 'realtime', 'v1/realtime', 'openai/v1/realtime'])('P2 %s is the GA path too', (path) => {
    expect(azureOpenai.accepts(path)).toEqual({ ok: true });
    expect(dial({ path }).url).toBe('https://res.openai.azure.com/openai/v1/realtime?model=my-dep');
  });

  it('P2 the preview path: its query and its beta header as they came', () => {
    const headers = { 'openai-beta': 'realtime=v1' };
    expect(dial({ path: 'openai/realtime', query: PREVIEW_QUERY, headers })).toEqual({
      url: 'https://res.openai.azure.com/openai/realtime?api-version=2025-04-01-preview&deployment=my-dep',
      headers: { 'api-key': 'azkey', 'openai-beta': 'realtime=v1' },
      subprotocols: [],
    });
    expect(dial({ path: 'realtime', query: PREVIEW_QUERY }).url).toContain('/openai/realtime?api-version=');
  });

  it.each([
    'https://res.openai.azure.com',
    'https://res.openai.azure.com/openai',
    'https://res.openai.azure.com/openai/v1',
  ])('P2 the setting may be %s', (baseUrl) =>
    expect(dial({ baseUrl }).url).toBe('https://res.openai.azure.com/openai/v1/realtime?model=my-dep'),
  );

  it('P2 a Microsoft Entra token goes as a bearer', () => {
    expect(dial({ credential: 'eyJh.eyJz.c2ln' }).headers).toEqual({
      Authorization: 'Bearer eyJh.eyJz.c2ln',
    });
  });

  it('P2 a transcription session or a call names its own model', () => {
    const query = [['intent', 'transcription'], ...REQUEST.query] as const;
    expect(dial({ query }).url).toBe('https://res.openai.azure.com/openai/v1/realtime?intent=transcription');
  });

  it('P2 the model is the deployment, on either path', () => {
    expect(azureOpenai.modelOf({ path: 'openai/realtime', query: PREVIEW_QUERY })).toBe('my-dep');
    expect(azureOpenai.modelOf(REQUEST)).toBe('my-dep');
  });

  it('P2 a client that signals beta is translated on the GA path, and left alone on the preview', () => {
    const signals = { headers: { 'openai-beta': 'realtime=v1' }, subprotocols: [] };
    expect(azureOpenai.translation?.(signals, REQUEST)).not.toBeNull();
    const dialled = { ...REQUEST, path: 'openai/realtime', query: PREVIEW_QUERY };
    expect(azureOpenai.translation?.(signals, dialled)).toBeNull();
  });
});

describe('P8 the beta wire of the preview', () => {
  const frames = preview[0]?.frames ?? [];

  it('P8 audio by its flat formats, skimmed; turns, transcripts, usage, the model that transcribed', () => {
    let state = FRESH;
    let skimmed = 0;
    const observations = frames.flatMap((frame) => {
      const quick = azureOpenai.skim?.(state, senderOf(frame), payloadOf(frame)) ?? null;
      if (quick !== null && quick.length > 0) skimmed += 1;
      const reading = azureOpenai.read(state, senderOf(frame), payloadOf(frame));
      ({ state } = reading);
      return reading.observations;
    });
    expect(skimmed).toBe(2);
    expect(observations.filter(({ kind }) => kind === 'audio')).toEqual([
      { kind: 'audio', speaker: 'user', bytes: 800, ms: 100 },
      { kind: 'audio', speaker: 'model', bytes: 4800, ms: 100 },
      { kind: 'audio', speaker: 'model', bytes: 4800, ms: 100 },
    ]);
    expect(observations).toContainEqual(
      expect.objectContaining({ purpose: 'transcription', model: 'whisper-1' }),
    );
    expect(observations.map(({ kind }) => kind)).toEqual([
      'audio',
      'asked',
      'response.started',
      'response.output',
      'audio',
      'audio',
      'transcript',
      'usage',
      'transcript',
      'response.ended',
      'usage',
    ]);
  });

  it('P5 a conversation is restored in the beta’s own shapes', () => {
    const before = frames.reduce<OpenAIState>(
      (state, frame) => azureOpenai.read(state, senderOf(frame), payloadOf(frame)).state,
      azureOpenai.restore(FRESH).state,
    );
    const begun = azureOpenai.restore(before).state;
    const [greeting] = frames;
    if (greeting === undefined) throw new Error('the fixture is empty');
    const sent = azureOpenai.read(begun, senderOf(greeting), payloadOf(greeting)).send?.upstream ?? [];
    const events = sent.map(jsonOf);
    expect(events[0]).toMatchObject({
      type: 'session.update',
      session: { turn_detection: { create_response: false }, input_audio_format: 'g711_ulaw' },
    });
    expect(events[0]).not.toHaveProperty('session.type');
    expect(events.slice(1, -1)).toMatchObject([
      { item: { role: 'user', content: [{ type: 'input_text', text: 'Good morning' }] } },
      { item: { role: 'assistant', content: [{ type: 'text', text: 'Hello' }] } },
    ]);
  });
});
