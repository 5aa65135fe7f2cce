/** The configuration of an OpenAI Realtime session: its defaults, what may be set, and how updates merge. */
import { asArray, asObject, asText, member, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { asEncoding, PCM_RATE, type Encoding } from './audio-format.ts';
import {
  anything,
  anyObject,
  boolean,
  byType,
  decimal,
  either,
  fields,
  integer,
  invalidValue,
  list,
  nullable,
  oneOf,
  repeated,
  text,
  type Rule,
} from './openai-rules.ts';
import type { Problem } from './openai-wire.ts';
import type { VoiceActivitySettings } from './voice-activity.ts';

const VOICES = [
  'alloy',
  'ash',
  'ballad',
  'coral',
  'echo',
  'sage',
  'shimmer',
  'verse',
  'marin',
  'cedar',
] as const;
const PCM: JsonObject = { type: 'audio/pcm', rate: PCM_RATE };

/** A detector's settings where the client names none; captured on 2026-09-18, the silence of 200 ms included. */
const DETECTORS: Readonly<Record<string, JsonObject>> = {
  server_vad: {
    type: 'server_vad',
    threshold: 0.5,
    prefix_padding_ms: 300,
    silence_duration_ms: 200,
    idle_timeout_ms: null,
    create_response: true,
    interrupt_response: true,
  },
  semantic_vad: { type: 'semantic_vad', eagerness: 'auto', create_response: true, interrupt_response: true },
};

/** Silence that ends a turn for `semantic_vad`: the simulator does not understand, so the eager wait less. */
const EAGERNESS_SILENCE_MS: Readonly<Record<string, number>> = {
  low: 1600,
  medium: 800,
  high: 400,
  auto: 800,
};

const formatRule = byType({
  // One rate only; a lower one is what clients get wrong.
  'audio/pcm': fields({ type: text, rate: integer(PCM_RATE, PCM_RATE) }),
  'audio/pcmu': fields({ type: text, rate: integer(8000, 8000) }),
  'audio/pcma': fields({ type: text, rate: integer(8000, 8000) }),
});

const voiceRule = either(fields({ id: text }, 'id'), oneOf(...VOICES));

const turnRules = { create_response: boolean, interrupt_response: boolean };
/** `type` may be left out of an update that keeps the detector. */
const turnDetectionRule: Rule = (value, path) => {
  const serverRule = fields({
    ...turnRules,
    type: text,
    threshold: decimal(0, 1),
    prefix_padding_ms: integer(0, 60_000),
    silence_duration_ms: integer(0, 60_000),
    idle_timeout_ms: nullable(integer(5000, 30_000)),
  });
  const semanticRule = fields({
    ...turnRules,
    type: text,
    eagerness: oneOf('low', 'medium', 'high', 'auto'),
  });
  return byType({ server_vad: serverRule, semantic_vad: semanticRule })(value, path);
};

const inputRule = fields({
  format: formatRule,
  transcription: nullable(
    fields({
      model: text,
      language: text,
      prompt: text,
      languages: list(text),
      keywords: list(text),
      delay: anything,
    }),
  ),
  noise_reduction: nullable(fields({ type: oneOf('near_field', 'far_field'), strength: anything }, 'type')),
  turn_detection: nullable(turnDetectionRule),
});

const toolRule = byType({
  function: fields(
    { type: text, name: text, description: text, parameters: anyObject, strict: anything },
    'name',
  ),
  // Its many fields are for the service; the simulator calls no MCP server.
  mcp: anyObject,
});

const toolChoiceRule = either(
  byType({ function: fields({ type: text, name: text }, 'name'), mcp: anyObject }),
  oneOf('auto', 'none', 'required'),
);

/** What `response.create` and a session have in common. */
export const SPEAKING_RULES: Readonly<Record<string, Rule>> = {
  output_modalities: list(oneOf('text', 'audio')),
  instructions: text,
  tools: list(toolRule),
  tool_choice: toolChoiceRule,
  max_output_tokens: either(integer(1, 4096), oneOf('inf')),
  prompt: nullable(anyObject),
  reasoning: nullable(fields({ effort: oneOf('minimal', 'low', 'medium', 'high', 'xhigh') })),
  parallel_tool_calls: nullable(boolean),
};

export const outputRule = fields({ format: formatRule, voice: voiceRule, speed: decimal(0.25, 1.5) });

const realtimeRule = fields(
  {
    ...SPEAKING_RULES,
    type: text,
    model: text,
    audio: fields({ input: inputRule, output: outputRule }),
    truncation: either(byType({ retention_ratio: anyObject }), oneOf('auto', 'disabled')),
    tracing: nullable(either(anyObject, oneOf('auto'))),
    include: nullable(list(oneOf('item.input_audio_transcription.logprobs'))),
  },
  'type',
);

const transcriptionRule = fields(
  {
    type: text,
    audio: fields({ input: inputRule }),
    include: nullable(list(oneOf('item.input_audio_transcription.logprobs'))),
  },
  'type',
);

export function newSession(id: string, model: string, expiresAt: number): JsonObject {
  return {
    type: 'realtime',
    object: 'realtime.session',
    id,
    model,
    output_modalities: ['audio'],
    instructions:
      'Your knowledge is small and scripted. You are a simulated voice agent: helpful, brief and friendly.',
    tools: [],
    tool_choice: 'auto',
    max_output_tokens: 'inf',
    tracing: null,
    truncation: 'auto',
    prompt: null,
    expires_at: expiresAt,
    audio: {
      input: {
        format: PCM,
        transcription: null,
        noise_reduction: null,
        turn_detection: detector('server_vad'),
      },
      output: { format: PCM, voice: 'alloy', speed: 1 },
    },
    include: null,
  };
}

export function newTranscriptionSession(id: string, expiresAt: number): JsonObject {
  const { type, threshold, prefix_padding_ms, silence_duration_ms } = DETECTORS['server_vad'] ?? {};
  // A transcription session answers nothing, so its detector has no fields about responses.
  const turnDetection = JSON.parse(
    JSON.stringify({ type, threshold, prefix_padding_ms, silence_duration_ms }),
  ) as JsonObject;
  return {
    type: 'transcription',
    object: 'realtime.transcription_session',
    id,
    expires_at: expiresAt,
    audio: {
      input: { format: PCM, transcription: null, noise_reduction: null, turn_detection: turnDetection },
    },
    include: null,
  };
}

function detector(type: string): JsonObject {
  return DETECTORS[type] ?? { type };
}

export type Merge =
  | { readonly ok: true; readonly session: JsonObject }
  | { readonly ok: false; readonly problem: Problem };

const fail = (problem: Problem): Merge => ({ ok: false, problem });

/** The whole update or nothing. `spoken`: audio has gone out, so the voice cannot change. */
export function mergeSession(session: JsonObject, update: JsonValue | undefined, spoken: boolean): Merge {
  const asked = completed(session, asObject(update) ?? update ?? null);
  const type = session['type'];
  const given = member(asked, 'type');
  if (given !== undefined && given !== type) {
    const known = given === 'realtime' || given === 'transcription';
    return fail(
      invalidValue(
        'session.type',
        known
          ? `Passing a ${given} session update event to a ${repeated(type)} session is not allowed.`
          : `Invalid value: '${repeated(given)}'. Supported values are: 'realtime' and 'transcription'.`,
      ),
    );
  }
  const problem =
    (type === 'realtime' ? realtimeRule : transcriptionRule)(asked, 'session') ??
    frozen(session, asked, spoken);
  if (problem !== null) return fail(problem);
  const { model: _ignored, ...changes } = asObject(asked) ?? {};
  return { ok: true, session: merge(session, changes) };
}

/** An update that leaves out the detector's type means the one in use. */
function completed(session: JsonObject, update: JsonValue): JsonValue {
  const audio = member(update, 'audio');
  const input = member(audio, 'input');
  const asked = asObject(member(input, 'turn_detection'));
  const current = member(member(member(session['audio'], 'input'), 'turn_detection'), 'type');
  if (asked === undefined || asked['type'] !== undefined || current === undefined) return update;
  return {
    ...asObject(update),
    audio: { ...asObject(audio), input: { ...asObject(input), turn_detection: { ...asked, type: current } } },
  };
}

function frozen(session: JsonObject, update: JsonValue, spoken: boolean): Problem | null {
  const model = asText(member(update, 'model'));
  const current = asText(session['model']) ?? '';
  // SDKs send their default model in each update; a simulated model, named in the URL, stays what it is without a fuss.
  if (model !== undefined && model !== current && !current.startsWith('sim-')) {
    return invalidValue('session.model', 'The model of a session cannot be changed.');
  }
  const modalities = asArray(member(update, 'output_modalities'));
  if (modalities !== undefined && modalities.length !== 1) {
    return invalidValue('session.output_modalities', "Supported combinations are: ['text'] and ['audio'].");
  }
  const voice = member(member(member(update, 'audio'), 'output'), 'voice');
  if (!spoken || voice === undefined || JSON.stringify(voice) === JSON.stringify(outputOf(session)['voice']))
    return null;
  return {
    code: 'cannot_update_voice',
    message: "Cannot update a conversation's voice if assistant audio is present.",
    param: 'session.audio.output.voice',
  };
}

/** Objects merge, but for those that make sense only whole. */
function merge(current: JsonObject, changes: JsonObject): JsonObject {
  const merged: Record<string, JsonValue> = { ...current };
  for (const [name, change] of Object.entries(changes)) {
    const before = asObject(current[name]);
    const after = asObject(change);
    if (after === undefined) merged[name] = change;
    else if (name === 'format') merged[name] = after['type'] === 'audio/pcm' ? PCM : after;
    else if (name === 'turn_detection' && before?.['type'] !== after['type']) {
      merged[name] = { ...detector(asText(after['type']) ?? ''), ...after };
    } else if (name === 'tool_choice' || name === 'voice' || name === 'tracing' || name === 'prompt')
      merged[name] = after;
    else merged[name] = before === undefined ? after : merge(before, after);
  }
  return merged;
}

export function inputOf(session: JsonObject): JsonObject {
  return asObject(member(session['audio'], 'input')) ?? {};
}

export function outputOf(session: JsonObject): JsonObject {
  return asObject(member(session['audio'], 'output')) ?? {};
}

export function encodingOf(side: JsonObject): Encoding {
  return asEncoding(asText(member(side['format'], 'type')));
}

/** Null when turns are the client's to end. */
export function detectionOf(
  session: JsonObject,
): (VoiceActivitySettings & { readonly idleMs: number | null }) | null {
  const turns = asObject(inputOf(session)['turn_detection']);
  if (turns === undefined) return null;
  const number = (name: string, otherwise: number): number => {
    const value = turns[name];
    return typeof value === 'number' ? value : otherwise;
  };
  const eagerness = EAGERNESS_SILENCE_MS[asText(turns['eagerness']) ?? 'auto'] ?? 800;
  const silenceMs = number('silence_duration_ms', turns['type'] === 'semantic_vad' ? eagerness : 200);
  const idleMs = number('idle_timeout_ms', 0);
  return {
    threshold: number('threshold', 0.5),
    prefixPaddingMs: number('prefix_padding_ms', 300),
    // One frame at least, or speech would end as it begins.
    silenceMs: Math.max(20, silenceMs),
    idleMs: idleMs > 0 ? idleMs : null,
  };
}

export function turnOption(session: JsonObject, option: 'create_response' | 'interrupt_response'): boolean {
  return session['type'] === 'realtime' && member(inputOf(session)['turn_detection'], option) !== false;
}
