/** Scripted clients of OpenAI's other sockets: Responses, translations, GPT-Live. */
import {
  asArray,
  asObject,
  asText,
  type JsonObject,
  type JsonValue,
  member,
} from '../../../protocol/json.ts';
import { openai } from '../../../providers/openai.ts';
import { openaiSimulator } from '../../../simulators/openai.ts';
import { base64Pieces, nonsense, pcm, text } from './sounds.ts';
import { seldom, wireOf } from './speech-wires.ts';
import type { Heard, Move, UsageWire } from './usage-drive.ts';

const BASE_URL = 'https://api.openai.example/v1';

const frames = (...events: readonly JsonValue[]): readonly string[] =>
  events.map((event) => JSON.stringify(event));

function neighbour(
  name: string,
  path: string,
  query: UsageWire['request']['query'],
  more: Pick<UsageWire, 'moves' | 'records' | 'source'> & Partial<UsageWire>,
): UsageWire {
  const wire = wireOf(name, openai, openaiSimulator, path, query, more);
  return { ...wire, request: { ...wire.request, baseUrl: BASE_URL } };
}

const TOOLS = [
  {
    type: 'function',
    name: 'get_weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
  },
];

/** Long enough that what is told again is cached. */
const INSTRUCTIONS = 'Be brief, and say what you know. '.repeat(12);

const create = (n: number, more: JsonObject = {}): JsonObject => ({
  type: 'response.create',
  model: n % 2 === 0 ? 'gpt-5.6' : 'gpt-5.6-mini',
  instructions: INSTRUCTIONS,
  input: text(n),
  ...more,
});

/** Of the newest response that there is: being given, or over. */
function responseOf(heard: Heard): string | undefined {
  return heard.newest((event) => asText(member(event['response'], 'id')));
}

const goOn: Move = (heard, n) => {
  const id = responseOf(heard);
  return frames(create(n, id === undefined ? {} : { previous_response_id: id }));
};

const steer: Move = (heard, n) =>
  frames({ type: 'response.steer', previous_response_id: responseOf(heard) ?? 'none', input: text(n) });

function callIn(heard: Heard): JsonObject | undefined {
  return heard.newest((event) => {
    const output = asArray(member(event['response'], 'output')) ?? [];
    const call = output.map((item) => asObject(item)).find((item) => item?.['type'] === 'function_call');
    return call === undefined ? undefined : { id: member(event['response'], 'id') ?? '', call };
  });
}

const answerCall: Move = (heard, n) => {
  const found = callIn(heard);
  if (found === undefined) return frames(create(1, { tools: TOOLS }));
  const answer = {
    type: 'function_call_output',
    call_id: member(found['call'], 'call_id') ?? '',
    output: text(n),
  };
  return frames(create(n, { previous_response_id: found['id'] ?? '', input: [answer] }));
};

const RESPONSES = neighbour('openai responses', 'responses', [], {
  begin: (_, n) => frames(create(n)),
  moves: [
    (_, n) => frames(create(n)),
    goOn,
    goOn,
    // What two clients, or one that does not wait, ask for at once.
    (_, n) => frames(create(n), create(n + 1)),
    (_, n) => frames(create(n, { stream_id: `s${n % 3}` })),
    (_, n) => frames(create(n, { reasoning: { effort: 'low' } })),
    (_, n) => frames(create(n, { max_output_tokens: 1 + (n % 30) })),
    (_, n) => frames(create(n, { tools: TOOLS, input: text(1) })),
    answerCall,
    (_, n) => frames(create(n, { generate: false })),
    steer,
    // While another waits behind it.
    (heard, n, isLive) => [...frames(create(n)), ...steer(heard, n, isLive)],
    () => frames(create(0, { previous_response_id: 'resp_none' })),
    () => frames(create(0, { model: 'nope' }), { type: 'response.create' }),
    (_, n) => nonsense(n),
  ],
  records: 'told',
  source: 'provider',
});

const PCM = pcm(24_000);
const translate: Move = (_, n) =>
  frames(...base64Pieces(n, PCM).map((audio) => ({ type: 'session.input_audio_buffer.append', audio })));

const TRANSLATION = neighbour(
  'openai translations',
  'realtime/translations',
  [['model', 'gpt-realtime-translate']],
  {
    begin: (_, n) =>
      frames({
        type: 'session.update',
        session: {
          audio: {
            output: { language: 'es' },
            ...(n % 2 === 0 ? { input: { transcription: { model: 'gpt-realtime-whisper' } } } : {}),
          },
        },
      }),
    moves: [
      translate,
      translate,
      translate,
      (_, n) =>
        frames({
          type: 'session.update',
          session: { audio: { output: { language: n % 2 === 0 ? 'fr' : 'de' } } },
        }),
      seldom(() => frames({ type: 'session.close' })),
      (_, n) => nonsense(n),
    ],
    records: 'all',
    source: 'measured',
  },
);

const FORMATS = [
  { name: { type: 'audio/pcm', rate: 16_000 }, raw: pcm(16_000) },
  { name: { type: 'audio/pcm', rate: 24_000 }, raw: PCM },
  { name: { type: 'audio/pcmu', rate: 8_000 }, raw: { encoding: 'mulaw', rate: 8_000, channels: 1 } },
] as const;

const DELEGATIONS: readonly JsonValue[] = [
  null,
  { type: 'responses', responses: { model: 'gpt-5.6', instructions: INSTRUCTIONS, tools: TOOLS } },
];

const start: Move = (_, n) =>
  frames({
    type: 'session.start',
    session: {
      model: 'gpt-live-1',
      instructions: 'Be brief.',
      audio: { format: FORMATS[n % FORMATS.length]?.name ?? null },
      delegation: DELEGATIONS[n % DELEGATIONS.length] ?? null,
    },
  });

/** In the format that the session has. */
const talk: Move = (heard, n) => {
  const format = heard.newest((event) => member(member(event['session'], 'audio'), 'format'));
  const found = FORMATS.find(({ name }) => JSON.stringify(name) === JSON.stringify(format)) ?? FORMATS[0];
  return frames(
    ...base64Pieces(n, found.raw).map((audio) => ({ type: 'session.input_audio.append', audio })),
  );
};

const commentOn: Move = (heard, n) => {
  const id = heard.newest((event) => asText(member(event['delegation'], 'id')));
  return frames({ type: 'session.commentary.append', content: text(n), delegation_id: id ?? null });
};

/** A client that ends the session itself lets the backend finish. */
const endLive: Move = (heard) => {
  const newest = heard.newest((event) => asText(member(event['event'], 'type')));
  return newest === undefined || newest === 'response.completed' ? frames({ type: 'session.close' }) : [];
};

const LIVE = neighbour('openai gpt-live', 'live/sessions', [], {
  begin: start,
  moves: [
    talk,
    talk,
    talk,
    commentOn,
    () => frames({ type: 'session.input_audio.mute' }),
    () => frames({ type: 'session.input_audio.unmute' }),
    (_, n) => frames({ type: 'session.thinking.append', content: text(n), delegation_id: null }),
    (_, n) =>
      frames(
        { type: 'response.item.create', item: { role: 'user', content: text(n) } },
        { type: 'response.create' },
      ),
    (_, n) =>
      frames({ type: 'session.update', session: { delegation: { responses: { model: `gpt-5.6-${n}` } } } }),
    seldom(start),
    seldom(endLive),
    (_, n) => nonsense(n),
  ],
  // Of the backend's tokens what was told; of the session's time all.
  records: 'told and seconds',
  source: 'either',
  beginsUnsaid: true,
});

export const OPENAI_NEIGHBOUR_WIRES: readonly UsageWire[] = [RESPONSES, TRANSLATION, LIVE];
