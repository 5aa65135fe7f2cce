/** Scripted clients of Gemini Live, at both places that speak it. */
import {
  asArray,
  asObject,
  asText,
  type JsonObject,
  type JsonValue,
  member,
} from '../../../protocol/json.ts';
import type { ProviderAdapter } from '../../../providers/adapter.ts';
import { vertex } from '../../../providers/gemini-vertex.ts';
import { gemini } from '../../../providers/gemini.ts';
import { geminiService } from '../../../simulators/gemini.ts';
import { base64Pieces, nonsense, pcm, text } from './sounds.ts';
import type { Heard, Move, UsageWire } from './usage-drive.ts';

const frame = (message: JsonValue): readonly string[] => [JSON.stringify(message)];
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

const setup =
  (model: string): Move =>
  (_, n) =>
    frame({
      setup: {
        model,
        generationConfig: {
          responseModalities: [n % 3 === 0 ? 'AUDIO' : 'TEXT'],
          ...(n % 5 === 0 ? { thinkingConfig: { includeThoughts: true } } : {}),
        },
        systemInstruction: { parts: [{ text: 'Be brief. '.repeat(n % 20) }] },
        ...(n % 2 === 0
          ? {
              tools: [
                {
                  functionDeclarations: [
                    {
                      name: 'get_weather',
                      parameters: { type: 'OBJECT', properties: { city: { type: 'STRING' } } },
                    },
                    { name: 'order_status', parameters: { type: 'OBJECT', properties: {} } },
                  ],
                },
              ],
            }
          : {}),
        ...(n % 4 === 0 ? { inputAudioTranscription: {}, outputAudioTranscription: {} } : {}),
        ...(n % 7 === 0 ? { sessionResumption: {} } : {}),
      },
    });

const say: Move = (_, n) =>
  frame({
    clientContent: { turns: [{ role: 'user', parts: [{ text: text(n) }] }], turnComplete: n % 4 !== 3 },
  });

const speak: Move = (_, n) =>
  base64Pieces(n, pcm(16_000)).flatMap((data) =>
    frame({ realtimeInput: { audio: { mimeType: 'audio/pcm;rate=16000', data } } }),
  );

/** What the newest calls want to know, or only the first of them. */
const answerCalls: Move = (heard, n) => {
  const calls = callsOf(heard).slice(0, n % 2 === 0 ? 1 : 2);
  if (calls.length === 0) return [];
  const functionResponses = calls.map((call) => ({
    id: call['id'] ?? '',
    name: call['name'] ?? '',
    response: { output: text(n) },
  }));
  return frame({ toolResponse: { functionResponses } });
};

/** Those that nothing has ended since: an answer to another closes the socket. */
function callsOf(heard: Heard): readonly JsonObject[] {
  const newest = heard.newest((message): readonly JsonValue[] | undefined => {
    if (message['toolCallCancellation'] !== undefined || message['serverContent'] !== undefined) return [];
    return asArray(member(message['toolCall'], 'functionCalls'));
  });
  return (newest ?? []).flatMap((call) =>
    asText(member(call, 'id')) === undefined ? [] : [asObject(call) ?? {}],
  );
}

const MOVES: readonly Move[] = [
  say,
  say,
  speak,
  speak,
  answerCalls,
  answerCalls,
  (_, n) => frame({ realtimeInput: { text: text(n) } }),
  () => frame({ realtimeInput: { video: { mimeType: 'image/png', data: PIXEL } } }),
  (_, n) => frame({ contextUpdate: { systemInstruction: { parts: [{ text: text(n) }] } } }),
];
/** Which closes the socket: seldom. */
const NONSENSE: Move = (_, n) => (n % 4 === 0 ? nonsense(n) : []);

function wire(name: string, adapter: ProviderAdapter, model: string): UsageWire {
  return {
    name,
    adapter,
    service: geminiService,
    request: {
      path: '',
      query: [
        ['seed', '1'],
        ['speed', '20'],
      ],
      baseUrl: 'https://google.example',
    },
    begin: setup(model),
    moves: [...MOVES, NONSENSE],
    records: 'told',
    source: 'provider',
    limit: 'said',
    beginsUnsaid: true,
  };
}

export const GEMINI_WIRES: readonly UsageWire[] = [
  wire('google', gemini, 'models/gemini-3.1-flash-live'),
  wire('google-vertex-ai', vertex, 'projects/p/locations/l/publishers/google/models/gemini-3.1-flash-live'),
];
