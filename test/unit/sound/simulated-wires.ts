/** Where each simulated provider has sound: what is said to it, and what makes it speak. */
import type { Payload, ProviderAdapter } from '../../../providers/adapter.ts';
import { assemblyai } from '../../../providers/assemblyai.ts';
import { azureOpenai } from '../../../providers/azure-openai.ts';
import { cartesia } from '../../../providers/cartesia.ts';
import { deepgram } from '../../../providers/deepgram.ts';
import { elevenlabs } from '../../../providers/elevenlabs.ts';
import { vertex } from '../../../providers/gemini-vertex.ts';
import { gemini } from '../../../providers/gemini.ts';
import { openai } from '../../../providers/openai.ts';
import { simulator } from '../../../providers/simulator.ts';
import { workersAi } from '../../../providers/workers-ai.ts';
import { xai } from '../../../providers/xai.ts';
import { assemblyaiSimulator } from '../../../simulators/assemblyai.ts';
import { azureOpenaiSimulator } from '../../../simulators/azure-openai.ts';
import { cartesiaSimulator } from '../../../simulators/cartesia.ts';
import { deepgramSimulator, workersAiSimulator } from '../../../simulators/deepgram.ts';
import { elevenlabsSimulator } from '../../../simulators/elevenlabs.ts';
import { geminiService } from '../../../simulators/gemini.ts';
import { openaiSimulator } from '../../../simulators/openai.ts';
import type { Simulator } from '../../../simulators/simulator.ts';
import { xaiSimulator } from '../../../simulators/xai.ts';
import { base64Of } from '../../support/taped-call.ts';

export type Coding = 's16le' | 'f32le' | 'mulaw' | 'alaw';

export interface Wire {
  readonly name: string;
  readonly adapter: ProviderAdapter;
  readonly service: Simulator;
  readonly path?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly baseUrl?: string;
  readonly begin?: readonly object[];
  /** What the user says; null: nothing can be said here. */
  readonly hears: {
    readonly coding: Coding;
    readonly rate: number;
    frame(bytes: Uint8Array): object | Payload;
  } | null;
  /** What makes the model speak; null: it only listens. */
  readonly speaks: { readonly coding: Coding; readonly rate: number; readonly ask: readonly object[] } | null;
}

const binary = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;
const append = (bytes: Uint8Array) => ({ type: 'input_audio_buffer.append', audio: base64Of(bytes) });
export const TEXT = 'Hello there, how are you today?';
const ASK_OPENAI = [
  {
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: TEXT }] },
  },
  { type: 'response.create' },
];

const openaiWire = (
  name: string,
  adapter: ProviderAdapter,
  service: Simulator,
  type = 'audio/pcm',
  coding: Coding = 's16le',
): Wire => {
  const rate = coding === 's16le' ? 24_000 : 8_000;
  const format = coding === 's16le' ? { type, rate } : { type };
  return {
    name,
    adapter,
    service,
    query: { model: 'gpt-realtime' },
    begin: [
      {
        type: 'session.update',
        session: { type: 'realtime', audio: { input: { format, turn_detection: null }, output: { format } } },
      },
    ],
    hears: { coding, rate, frame: append },
    speaks: { coding, rate, ask: ASK_OPENAI },
  };
};

const geminiWire = (name: string, adapter: ProviderAdapter, model: string): Wire => ({
  name,
  adapter,
  service: geminiService(),
  begin: [{ setup: { model, generationConfig: { responseModalities: ['AUDIO'] } } }],
  hears: {
    coding: 's16le',
    rate: 16_000,
    frame: (bytes) => ({
      realtimeInput: { audio: { mimeType: 'audio/pcm;rate=16000', data: base64Of(bytes) } },
    }),
  },
  speaks: {
    coding: 's16le',
    rate: 24_000,
    ask: [{ clientContent: { turns: [{ role: 'user', parts: [{ text: TEXT }] }], turnComplete: true } }],
  },
});

const CARTESIA_VERSION = { cartesia_version: '2026-03-01' };
const cartesiaWire = (encoding: string, coding: Coding, rate: number): Wire => ({
  name: `Cartesia, ${encoding}`,
  adapter: cartesia,
  service: cartesiaSimulator,
  query: CARTESIA_VERSION,
  hears: null,
  speaks: {
    coding,
    rate,
    ask: [
      {
        model_id: 'sonic-3',
        transcript: TEXT,
        voice: { mode: 'id', id: 'v' },
        context_id: 'c',
        output_format: { container: 'raw', encoding, sample_rate: rate },
      },
    ],
  },
});

const elevenlabsWire = (
  path: string,
  format: string,
  coding: Coding,
  rate: number,
  ask: readonly object[],
): Wire => ({
  name: `ElevenLabs ${path.split('/').at(-1)}, ${format}`,
  adapter: elevenlabs,
  service: elevenlabsSimulator,
  path,
  query: { model_id: 'eleven_flash_v2_5', output_format: format },
  hears: null,
  speaks: { coding, rate, ask },
});

const listening = (
  name: string,
  adapter: ProviderAdapter,
  service: Simulator,
  path: string,
  query: Readonly<Record<string, string>>,
  hears: NonNullable<Wire['hears']>,
): Wire => ({ name, adapter, service, path, query, hears, speaks: null });

const deepgramVoice = (encoding: string, coding: Coding, rate: number): Wire => ({
  name: `Deepgram speak, ${encoding}`,
  adapter: deepgram,
  service: deepgramSimulator,
  path: 'v1/speak',
  query: { model: 'aura-2-thalia-en', encoding, sample_rate: `${rate}` },
  hears: null,
  speaks: { coding, rate, ask: [{ type: 'Speak', text: TEXT }, { type: 'Flush' }] },
});

const LINEAR = { encoding: 'linear16', sample_rate: '16000' };
const AT_16K = { coding: 's16le', rate: 16_000, frame: binary } as const;
export const TTS = 'v1/text-to-speech/a-voice';

export const WIRES: readonly Wire[] = [
  openaiWire('OpenAI', openai, openaiSimulator),
  openaiWire('OpenAI, μ-law', openai, openaiSimulator, 'audio/pcmu', 'mulaw'),
  openaiWire('OpenAI, A-law', openai, openaiSimulator, 'audio/pcma', 'alaw'),
  openaiWire('the simulator itself', simulator, openaiSimulator),
  openaiWire('Azure', azureOpenai, azureOpenaiSimulator),
  openaiWire('xAI', xai, xaiSimulator),
  {
    ...listening(
      'OpenAI translations',
      openai,
      openaiSimulator,
      'realtime/translations',
      { model: 'gpt-realtime-translate' },
      {
        coding: 's16le',
        rate: 24_000,
        frame: (bytes) => ({ type: 'session.input_audio_buffer.append', audio: base64Of(bytes) }),
      },
    ),
    baseUrl: 'https://api.openai.example/v1',
  },
  ...(
    [
      [{ type: 'audio/pcm', rate: 16_000 }, 's16le', 16_000],
      [{ type: 'audio/pcma', rate: 8_000 }, 'alaw', 8_000],
    ] as const
  ).map(([format, coding, rate]): Wire => ({
    name: `GPT-Live, ${format.type}`,
    adapter: openai,
    service: openaiSimulator,
    path: 'live/sessions',
    baseUrl: 'https://api.openai.example/v1',
    begin: [{ type: 'session.start', session: { model: 'gpt-live-1', audio: { format } } }],
    hears: {
      coding,
      rate,
      frame: (bytes) => ({ type: 'session.input_audio.append', audio: base64Of(bytes) }),
    },
    speaks: {
      coding,
      rate,
      ask: [{ type: 'session.commentary.append', content: TEXT, delegation_id: null }],
    },
  })),
  geminiWire('Gemini', gemini, 'models/gemini-2.5-flash-native-audio'),
  geminiWire('Vertex', vertex, 'projects/p/locations/l/publishers/google/models/gemini-3.1-flash-live'),
  cartesiaWire('pcm_s16le', 's16le', 44_100),
  cartesiaWire('pcm_f32le', 'f32le', 24_000),
  cartesiaWire('pcm_mulaw', 'mulaw', 8_000),
  cartesiaWire('pcm_alaw', 'alaw', 8_000),
  listening(
    'Cartesia by finalize',
    cartesia,
    cartesiaSimulator,
    'stt/websocket',
    { ...CARTESIA_VERSION, model: 'ink-2', encoding: 'pcm_s16le', sample_rate: '16000' },
    AT_16K,
  ),
  listening(
    'Cartesia by turns',
    cartesia,
    cartesiaSimulator,
    'stt/turns/websocket',
    { ...CARTESIA_VERSION, model: 'ink-2', encoding: 'pcm_mulaw', sample_rate: '8000' },
    { coding: 'mulaw', rate: 8_000, frame: binary },
  ),
  elevenlabsWire(`${TTS}/stream-input`, 'pcm_22050', 's16le', 22_050, [
    { text: ' ' },
    { text: `${TEXT} `, flush: true },
  ]),
  elevenlabsWire(`${TTS}/multi-stream-input`, 'ulaw_8000', 'mulaw', 8_000, [
    { text: `${TEXT} `, context_id: 'c', flush: true },
  ]),
  listening(
    'ElevenLabs transcription',
    elevenlabs,
    elevenlabsSimulator,
    'v1/speech-to-text/realtime',
    { model_id: 'scribe_v2_realtime', audio_format: 'ulaw_8000' },
    {
      coding: 'mulaw',
      rate: 8_000,
      frame: (bytes) => ({
        message_type: 'input_audio_chunk',
        audio_base_64: base64Of(bytes),
        commit: false,
      }),
    },
  ),
  {
    name: 'ElevenLabs agent',
    adapter: elevenlabs,
    service: elevenlabsSimulator,
    path: 'v1/convai/conversation',
    query: { agent_id: 'sim-agent' },
    begin: [{ type: 'conversation_initiation_client_data' }],
    hears: { coding: 's16le', rate: 16_000, frame: (bytes) => ({ user_audio_chunk: base64Of(bytes) }) },
    speaks: { coding: 's16le', rate: 16_000, ask: [{ type: 'user_message', text: TEXT }] },
  },
  listening(
    'Deepgram listen, mu-law',
    deepgram,
    deepgramSimulator,
    'v1/listen',
    { model: 'nova-3', encoding: 'mulaw', sample_rate: '8000' },
    { coding: 'mulaw', rate: 8_000, frame: binary },
  ),
  listening(
    'Deepgram flux',
    deepgram,
    deepgramSimulator,
    'v2/listen',
    { model: 'flux-general-en', ...LINEAR },
    AT_16K,
  ),
  deepgramVoice('linear16', 's16le', 24_000),
  deepgramVoice('mulaw', 'mulaw', 8_000),
  deepgramVoice('alaw', 'alaw', 8_000),
  {
    name: 'Deepgram speech',
    adapter: deepgram,
    service: deepgramSimulator,
    path: 'v2/speak',
    query: { model: 'flux-tts-en' },
    hears: null,
    speaks: { coding: 's16le', rate: 24_000, ask: [{ type: 'Speak', text: TEXT }, { type: 'Flush' }] },
  },
  {
    name: 'Deepgram agent',
    adapter: deepgram,
    service: deepgramSimulator,
    path: 'v1/agent/converse',
    begin: [{ type: 'Settings', audio: { input: { encoding: 'linear16', sample_rate: 16_000 } }, agent: {} }],
    hears: AT_16K,
    speaks: { coding: 's16le', rate: 24_000, ask: [{ type: 'InjectUserMessage', content: TEXT }] },
  },
  {
    ...listening(
      'Workers AI',
      workersAi,
      workersAiSimulator,
      '',
      { model: '@cf/deepgram/nova-3', ...LINEAR },
      AT_16K,
    ),
    baseUrl: 'https://cloudflare.example/ai/run',
  },
  listening('AssemblyAI', assemblyai, assemblyaiSimulator, 'v3/ws', { sample_rate: '16000' }, AT_16K),
];
