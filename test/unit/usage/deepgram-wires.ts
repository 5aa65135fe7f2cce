/** Scripted clients of Deepgram's sockets, and of its models on Workers AI. */
import { asArray, asText, type JsonValue, member } from '../../../protocol/json.ts';
import { deepgram } from '../../../providers/deepgram.ts';
import { workersAi } from '../../../providers/workers-ai.ts';
import { deepgramSimulator, workersAiSimulator } from '../../../simulators/deepgram.ts';
import { binaryPieces, nonsense, pcm, text } from './sounds.ts';
import { wireOf } from './speech-wires.ts';
import type { Move, UsageWire } from './usage-drive.ts';

const frame = (message: JsonValue): readonly string[] => [JSON.stringify(message)];
const seldom =
  (move: Move): Move =>
  (heard, n, isLive) =>
    n % 8 === 0 ? move(heard, n, isLive) : [];
const PCM = pcm(16_000);
const STEREO = { ...PCM, channels: 2 };
const hear: Move = (_, n) => binaryPieces(n, PCM);
const RAW: UsageWire['request']['query'] = [
  ['encoding', 'linear16'],
  ['sample_rate', '16000'],
];

const LISTEN: readonly Move[] = [
  hear,
  hear,
  () => frame({ type: 'KeepAlive' }),
  () => frame({ type: 'Finalize' }),
  seldom(() => frame({ type: 'CloseStream' })),
  (_, n) => (n % 2 === 0 ? ['{"type":"unheard.of"}'] : ['{"type":']),
];
const FLUX: readonly Move[] = [
  hear,
  hear,
  () => frame({ type: 'ForceEndTurn' }),
  () => frame({ type: 'Configure', thresholds: { eot_threshold: 0.8 } }),
  seldom(() => frame({ type: 'CloseStream' })),
  seldom(() => ['{"type":"unheard.of"}']),
];
const SPEAK: readonly Move[] = [
  (_, n) => frame({ type: 'Speak', text: text(n) }),
  (_, n) => [...frame({ type: 'Speak', text: text(n) }), ...frame({ type: 'Flush' })],
  () => frame({ type: 'Flush' }),
  () => frame({ type: 'Clear' }),
  seldom(() => frame({ type: 'Close' })),
  seldom((_, n) => nonsense(n)),
];

const answerCall: Move = (heard, n) => {
  const call = heard.newest((message) => asArray(message['functions'])?.[0]);
  return frame({
    type: 'FunctionCallResponse',
    id: asText(member(call, 'id')) ?? 'none',
    name: asText(member(call, 'name')) ?? '',
    content: text(n),
  });
};

const AGENT: Pick<UsageWire, 'begin' | 'moves'> = {
  begin: (_, n) =>
    frame({
      type: 'Settings',
      audio: { input: { encoding: 'linear16', sample_rate: 16_000 } },
      agent: {
        greeting: n % 2 === 0 ? 'Hello.' : '',
        think: { functions: [{ name: 'get_weather', parameters: { type: 'object', properties: {} } }] },
      },
    }),
  moves: [
    hear,
    (_, n) => frame({ type: 'InjectUserMessage', content: text(n) }),
    (_, n) => frame({ type: 'InjectAgentMessage', message: text(n) }),
    answerCall,
    () => frame({ type: 'KeepAlive' }),
    (_, n) => frame({ type: 'UpdatePrompt', prompt: text(n) }),
    (_, n) => (n % 2 === 0 ? ['{"type":"unheard.of"}'] : ['{"type":']),
  ],
};

function onCloudflare(
  name: string,
  query: UsageWire['request']['query'],
  more: Pick<UsageWire, 'moves' | 'records' | 'source'>,
): UsageWire {
  const wire = wireOf(name, workersAi, workersAiSimulator, '', query, more);
  return { ...wire, request: { ...wire.request, baseUrl: 'https://cloudflare.example/ai/run' } };
}

export const DEEPGRAM_WIRES: readonly UsageWire[] = [
  wireOf('deepgram listen', deepgram, deepgramSimulator, 'v1/listen', [['model', 'nova-3'], ...RAW], {
    moves: LISTEN,
    records: 'all',
    source: 'either',
  }),
  wireOf(
    'deepgram listen, two channels',
    deepgram,
    deepgramSimulator,
    'v1/listen',
    [['model', 'nova-3'], ['channels', '2'], ...RAW],
    { moves: [(_, n) => binaryPieces(n, STEREO), ...LISTEN.slice(2)], records: 'all', source: 'either' },
  ),
  wireOf('deepgram flux', deepgram, deepgramSimulator, 'v2/listen', [['model', 'flux-general-en'], ...RAW], {
    moves: FLUX,
    records: 'all',
    source: 'measured',
  }),
  wireOf('deepgram speak', deepgram, deepgramSimulator, 'v1/speak', [['model', 'aura-2-thalia-en']], {
    moves: SPEAK,
    records: 'all',
    source: 'measured',
  }),
  wireOf('deepgram speech', deepgram, deepgramSimulator, 'v2/speak', [['model', 'flux-tts-en']], {
    moves: [
      (_, n) => frame({ type: 'Speak', text: text(n) }),
      (_, n) => [...frame({ type: 'Speak', text: text(n) }), ...frame({ type: 'Flush' })],
      () => frame({ type: 'Flush' }),
      () => frame({ type: 'Interrupt' }),
      seldom(() => frame({ type: 'Close' })),
      seldom((_, n) => nonsense(n)),
    ],
    records: 'all',
    source: 'either',
  }),
  wireOf('deepgram agent', deepgram, deepgramSimulator, 'v1/agent/converse', [], {
    ...AGENT,
    records: 'all',
    source: 'measured',
  }),
  onCloudflare('workers-ai nova', [['model', '@cf/deepgram/nova-3'], ...RAW], {
    moves: LISTEN,
    records: 'all',
    source: 'either',
  }),
  onCloudflare('workers-ai flux', [['model', '@cf/deepgram/flux'], ...RAW], {
    moves: FLUX,
    records: 'all',
    source: 'measured',
  }),
  onCloudflare('workers-ai aura', [['model', '@cf/deepgram/aura-2-en']], {
    moves: SPEAK,
    records: 'all',
    source: 'measured',
  }),
];
