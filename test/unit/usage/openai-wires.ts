/** Scripted clients of OpenAI's realtime wire, by whomever it is served. */
import {
  asArray,
  asObject,
  asText,
  type JsonObject,
  type JsonValue,
  member,
} from '../../../protocol/json.ts';
import type { ProviderAdapter } from '../../../providers/adapter.ts';
import { azureOpenai } from '../../../providers/azure-openai.ts';
import { customAdapter } from '../../../providers/custom.ts';
import { openai } from '../../../providers/openai.ts';
import { simulator } from '../../../providers/simulator.ts';
import { xai } from '../../../providers/xai.ts';
import { azureOpenaiSimulator } from '../../../simulators/azure-openai.ts';
import { openaiSimulator } from '../../../simulators/openai.ts';
import type { Simulator } from '../../../simulators/simulator.ts';
import { xaiSimulator } from '../../../simulators/xai.ts';
import { base64Pieces, nonsense, pcm, text } from './sounds.ts';
import type { Heard, Move, UsageWire } from './usage-drive.ts';

const frames = (...events: readonly JsonValue[]): readonly string[] =>
  events.map((event) => JSON.stringify(event));
const PICTURE =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
const TOOLS = [
  {
    type: 'function',
    name: 'get_weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
  },
];
const TRANSCRIBERS: readonly JsonValue[] = [null, { model: 'whisper-1' }, { model: 'gpt-4o-transcribe' }];

const message = (n: number, ...more: readonly JsonObject[]): JsonObject => ({
  type: 'conversation.item.create',
  item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: text(n) }, ...more] },
});

/** The whole configuration differs with `n`: what is heard, what is said, who transcribes, how much the context holds. */
const configure: Move = (_, n) =>
  frames({
    type: 'session.update',
    session: {
      type: 'realtime',
      instructions: 'Be brief. '.repeat(n % 60),
      output_modalities: [n % 3 === 0 ? 'audio' : 'text'],
      ...(n % 2 === 0 ? { tools: TOOLS } : {}),
      audio: {
        input: {
          transcription: TRANSCRIBERS[n % TRANSCRIBERS.length] ?? null,
          ...(n % 5 === 0 ? { turn_detection: null } : {}),
        },
      },
    },
  });

const speak: Move = (_, n) =>
  frames(...base64Pieces(n, pcm(24_000)).map((audio) => ({ type: 'input_audio_buffer.append', audio })));

/** The newest call, answered: twice, if it comes to that. */
const answerCall: Move = (heard, n) => {
  const callId = callOf(heard);
  if (callId === undefined) return frames({ type: 'response.create' });
  const item = { type: 'function_call_output', call_id: callId, output: text(n) };
  return frames({ type: 'conversation.item.create', item }, { type: 'response.create' });
};

function callOf(heard: Heard): string | undefined {
  return heard.newest((event) => asText(event['call_id']) ?? asText(member(event['item'], 'call_id')));
}

function itemOf(heard: Heard, n: number): string {
  const id = heard.newest((event) => {
    const output = asArray(member(event['response'], 'output')) ?? [];
    return n % 2 === 0 ? asText(member(asObject(output[0]), 'id')) : asText(member(event['item'], 'id'));
  });
  return id ?? 'item_none';
}

const MOVES: readonly Move[] = [
  (_, n) => frames(message(n), { type: 'response.create' }),
  (_, n) => frames(message(n), { type: 'response.create' }),
  speak,
  speak,
  () => frames({ type: 'input_audio_buffer.commit' }, { type: 'response.create' }),
  () => frames({ type: 'response.cancel' }),
  () => frames({ type: 'input_audio_buffer.clear' }),
  answerCall,
  (_, n) => frames(message(n, { type: 'input_image', image_url: PICTURE })),
  (heard, n) => frames({ type: 'conversation.item.delete', item_id: itemOf(heard, n) }),
  (heard, n) =>
    frames({
      type: 'conversation.item.truncate',
      item_id: itemOf(heard, n),
      content_index: 0,
      audio_end_ms: 100,
    }),
  // Out of band: beside the conversation, and maybe at the same time as another.
  (_, n) =>
    frames({
      type: 'response.create',
      response: { conversation: 'none', output_modalities: ['text'], max_output_tokens: 1 + n },
    }),
  configure,
  (_, n) => nonsense(n),
];

function wire(
  name: string,
  adapter: ProviderAdapter,
  service: Simulator,
  request: UsageWire['request'],
  more: Partial<UsageWire> = {},
): UsageWire {
  const query: UsageWire['request']['query'] = [...request.query, ['seed', '1'], ['speed', '20']];
  return {
    name,
    adapter,
    service: () => service,
    request: { ...request, query },
    begin: configure,
    moves: MOVES,
    records: 'told',
    source: 'provider',
    limit: 'said',
    ...more,
  };
}

const MODEL: readonly (readonly [string, string])[] = [['model', 'gpt-realtime']];
const V1 = 'https://api.openai.example/v1';
const AZURE = 'https://resource.azure.example';

const transcriber: Move = (_, n) =>
  frames({
    type: 'session.update',
    session: {
      type: 'transcription',
      audio: { input: { transcription: TRANSCRIBERS[1 + (n % 2)] ?? null } },
    },
  });

const betaMoves: readonly Move[] = [
  ...MOVES.filter((move) => move !== configure),
  (_, n) =>
    frames({
      type: 'session.update',
      session: {
        modalities: n % 3 === 0 ? ['text', 'audio'] : ['text'],
        input_audio_transcription: TRANSCRIBERS[n % TRANSCRIBERS.length] ?? null,
      },
    }),
];

const custom = customAdapter({ slug: 'mine', baseUrl: V1, auth: { in: 'none' }, dialect: 'openai' }, openai);

export const OPENAI_WIRES: readonly UsageWire[] = [
  wire('openai realtime', openai, openaiSimulator, { path: '', query: MODEL, baseUrl: V1 }),
  wire(
    'openai transcription',
    openai,
    openaiSimulator,
    { path: '', query: [['intent', 'transcription']], baseUrl: V1 },
    {
      begin: transcriber,
      moves: [
        speak,
        speak,
        () => frames({ type: 'input_audio_buffer.commit' }),
        transcriber,
        (_, n) => nonsense(n),
      ],
    },
  ),
  wire('azure-openai', azureOpenai, azureOpenaiSimulator, { path: '', query: MODEL, baseUrl: AZURE }),
  wire(
    'azure-openai preview',
    azureOpenai,
    azureOpenaiSimulator,
    {
      path: 'openai/realtime',
      query: [
        ['api-version', '2025-04-01-preview'],
        ['deployment', 'mine'],
      ],
      baseUrl: AZURE,
    },
    { begin: betaMoves.at(-1) ?? configure, moves: betaMoves },
  ),
  wire(
    'xai',
    xai,
    xaiSimulator,
    { path: '', query: [['model', 'grok-voice-latest']], baseUrl: 'https://api.x.example/v1' },
    { source: 'measured' },
  ),
  wire('simulator', simulator, openaiSimulator, { path: '', query: [['model', 'sim-support']], baseUrl: V1 }),
  wire('custom', custom, openaiSimulator, { path: '', query: MODEL, baseUrl: V1 }),
];
