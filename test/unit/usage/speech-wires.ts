/** Scripted clients that have texts spoken, or speech written down: Cartesia, ElevenLabs, AssemblyAI and fal. */
import { asText, type JsonValue, member } from '../../../protocol/json.ts';
import type { ProviderAdapter } from '../../../providers/adapter.ts';
import { assemblyai } from '../../../providers/assemblyai.ts';
import { cartesia } from '../../../providers/cartesia.ts';
import { elevenlabs } from '../../../providers/elevenlabs.ts';
import { fal } from '../../../providers/fal.ts';
import { assemblyaiSimulator } from '../../../simulators/assemblyai.ts';
import { cartesiaSimulator } from '../../../simulators/cartesia.ts';
import { elevenlabsSimulator } from '../../../simulators/elevenlabs.ts';
import { falSimulator } from '../../../simulators/fal.ts';
import { encodeMsgpack } from '../../../simulators/msgpack.ts';
import type { Simulator } from '../../../simulators/simulator.ts';
import { base64Pieces, binaryPieces, nonsense, pcm, text } from './sounds.ts';
import type { Move, UsageWire } from './usage-drive.ts';

const frame = (message: JsonValue): readonly string[] => [JSON.stringify(message)];
const NOTHING: Move = () => [];
/** A frame that ends the socket: seldom, or no script goes on. */
export const seldom =
  (move: Move): Move =>
  (heard, n, isLive) =>
    n % 8 === 0 ? move(heard, n, isLive) : [];
const PCM = pcm(16_000);
const hear: Move = (_, n) => binaryPieces(n, PCM);

type Query = UsageWire['request']['query'];

export function wireOf(
  name: string,
  adapter: ProviderAdapter,
  service: Simulator,
  path: string,
  query: Query,
  more: Pick<UsageWire, 'moves' | 'records' | 'source'> & Partial<UsageWire>,
): UsageWire {
  const dials: Query = [
    ['seed', '1'],
    ['speed', '20'],
  ];
  return {
    name,
    adapter,
    service: () => service,
    request: { path, query: [...query, ...dials], baseUrl: 'https://provider.example' },
    begin: NOTHING,
    limit: 'unsaid',
    ...more,
  };
}

const VERSION: Query = [['cartesia_version', '2026-03-01']];
const HEARD: Query = [...VERSION, ['model', 'ink-2'], ['encoding', 'pcm_s16le'], ['sample_rate', '16000']];

const speech = (context: number, n: number, more: JsonValue = {}): readonly string[] =>
  frame({
    model_id: 'sonic-3',
    transcript: text(n),
    voice: { mode: 'id', id: 'a-voice' },
    output_format: { container: 'raw', encoding: 'pcm_s16le', sample_rate: 16_000 },
    context_id: `c${context}`,
    ...Object.fromEntries(Object.entries(more ?? {})),
  });

const CARTESIA_WIRES: readonly UsageWire[] = [
  wireOf('cartesia text to speech', cartesia, cartesiaSimulator, '', VERSION, {
    moves: [
      (_, n) => speech(n % 3, n, { continue: true }),
      (_, n) => speech(n % 3, n, { continue: true, flush: true }),
      (_, n) => speech(n % 3, n, { continue: true, transcript: '', flush: true }),
      // What follows the last text of a context is refused: by then its client has heard of it.
      (_, n, isLive) => (isLive ? speech(n, n) : []),
      (_, n, isLive) => (isLive ? speech(n % 3, n, { transcript: '' }) : []),
      (_, n) => frame({ context_id: `c${n % 3}`, cancel: true }),
      (_, n) => nonsense(n),
    ],
    records: 'told',
    source: 'measured',
    beginsUnsaid: true,
  }),
  wireOf('cartesia speech to text', cartesia, cartesiaSimulator, 'stt/websocket', HEARD, {
    moves: [hear, hear, () => ['finalize'], seldom(() => ['close']), () => ['unheard of']],
    records: 'all',
    source: 'measured',
  }),
  wireOf('cartesia turns', cartesia, cartesiaSimulator, 'stt/turns/websocket', HEARD, {
    moves: [
      hear,
      hear,
      () => frame({ type: 'config', turn: { end_timeout_ms: 900 } }),
      seldom(() => frame({ type: 'close' })),
      () => ['{"type":'],
    ],
    records: 'all',
    source: 'measured',
  }),
];

const VOICE = 'v1/text-to-speech/a-voice';
const SPOKEN: Query = [
  ['model_id', 'eleven_flash_v2_5'],
  ['output_format', 'pcm_16000'],
];

const answerPing: Move = (heard) => {
  const id = heard.newest((event) => member(event['ping_event'], 'event_id'));
  return id === undefined ? [] : frame({ type: 'pong', event_id: id });
};
const answerTool: Move = (heard, n) => {
  const id = heard.newest((event) => asText(member(event['client_tool_call'], 'tool_call_id')));
  return frame({ type: 'client_tool_result', tool_call_id: id ?? 'none', result: text(n), is_error: false });
};

const ELEVENLABS_WIRES: readonly UsageWire[] = [
  wireOf('elevenlabs stream-input', elevenlabs, elevenlabsSimulator, `${VOICE}/stream-input`, SPOKEN, {
    begin: () => frame({ text: ' ' }),
    moves: [
      (_, n) => frame({ text: `${text(n)} ` }),
      (_, n) => frame({ text: `${text(n)} `, try_trigger_generation: true }),
      (_, n) => frame({ text: `${text(n)} `, flush: true }),
      () => frame({ text: ' ' }),
      seldom(() => frame({ text: '' })),
      seldom((_, n) => nonsense(n)),
    ],
    records: 'all',
    source: 'measured',
    limit: 'none',
  }),
  wireOf(
    'elevenlabs multi-stream-input',
    elevenlabs,
    elevenlabsSimulator,
    `${VOICE}/multi-stream-input`,
    SPOKEN,
    {
      moves: [
        (_, n) => frame({ text: `${text(n)} `, context_id: `c${n % 3}` }),
        (_, n) => frame({ text: `${text(n)} `, context_id: `c${n % 3}`, flush: true }),
        (_, n) => frame({ text: `${text(n)} ` }),
        (_, n) => frame({ context_id: `c${n % 3}`, close_context: true }),
        seldom(() => frame({ close_socket: true })),
        seldom((_, n) => nonsense(n)),
      ],
      records: 'all',
      source: 'measured',
      limit: 'none',
    },
  ),
  wireOf(
    'elevenlabs realtime transcription',
    elevenlabs,
    elevenlabsSimulator,
    'v1/speech-to-text/realtime',
    [
      ['model_id', 'scribe_v2_realtime'],
      ['audio_format', 'pcm_16000'],
      ['commit_strategy', 'vad'],
    ],
    {
      moves: [
        (_, n) =>
          base64Pieces(n, PCM).flatMap((audio) =>
            frame({ message_type: 'input_audio_chunk', audio_base_64: audio, commit: false }),
          ),
        () => frame({ message_type: 'input_audio_chunk', audio_base_64: '', commit: true }),
        seldom((_, n) => nonsense(n)),
      ],
      records: 'all',
      source: 'measured',
    },
  ),
  wireOf(
    'elevenlabs agent',
    elevenlabs,
    elevenlabsSimulator,
    'v1/convai/conversation',
    [['agent_id', 'an-agent']],
    {
      begin: () => frame({ type: 'conversation_initiation_client_data' }),
      moves: [
        (_, n) => frame({ type: 'user_message', text: text(n) }),
        (_, n) => base64Pieces(n, PCM).flatMap((audio) => frame({ user_audio_chunk: audio })),
        answerPing,
        answerTool,
        seldom((_, n) => nonsense(n)),
      ],
      records: 'all',
      source: 'measured',
    },
  ),
];

const ASSEMBLYAI = wireOf(
  'assemblyai',
  assemblyai,
  assemblyaiSimulator,
  '',
  [
    ['speech_model', 'universal-streaming-english'],
    ['sample_rate', '16000'],
  ],
  {
    moves: [
      hear,
      hear,
      () => frame({ type: 'ForceEndpoint' }),
      () => frame({ type: 'KeepAlive' }),
      seldom(() => frame({ type: 'Terminate' })),
      seldom((_, n) => nonsense(n)),
    ],
    records: 'all',
    source: 'either',
  },
);

const FAL_WIRES: readonly UsageWire[] = [
  wireOf('fal over http', fal, falSimulator, 'fal-ai/flux/schnell', [], {
    moves: [
      (_, n) => frame({ prompt: text(n) }),
      (_, n) => frame({ prompt: text(n) }),
      // Refused, and free.
      () => frame({ nothing: 'asked' }),
    ],
    records: 'told',
    source: 'measured',
    beginsUnsaid: true,
  }),
  wireOf('fal realtime', fal, falSimulator, 'fal-ai/fast-lcm-diffusion/realtime', [], {
    moves: [
      (_, n) => frame({ prompt: text(n) }),
      (_, n) => [new Uint8Array(encodeMsgpack({ prompt: text(n) })).buffer],
    ],
    records: 'all',
    source: 'measured',
  }),
];

export const SPEECH_WIRES: readonly UsageWire[] = [
  ...CARTESIA_WIRES,
  ...ELEVENLABS_WIRES,
  ASSEMBLYAI,
  ...FAL_WIRES,
];
