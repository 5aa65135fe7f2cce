/** What a `setup` may say, and what Google closes with when it says anything else. */
import { asArray, asObject, asText, member, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { INVALID_ARGUMENT, unknownField, type Refusal } from './gemini-wire.ts';

export interface Setup {
  /** Without `models/` and whatever else precedes it. */
  readonly model: string;
  readonly modality: 'AUDIO' | 'TEXT';
  readonly voice: string;
  readonly instructions: string;
  readonly tools: readonly JsonObject[];
  readonly thinks: boolean;
  readonly transcribesInput: boolean;
  readonly transcribesOutput: boolean;
  /** Null: the client says where its activity begins and ends. */
  readonly detection: { readonly prefixPaddingMs: number; readonly silenceMs: number } | null;
  readonly activityInterrupts: boolean;
  readonly beginsWithHistory: boolean;
  /** Null: the client wants no handles. */
  readonly resumption: { readonly handle: string | null } | null;
}

export type SetupReading =
  | { readonly ok: true; readonly setup: Setup }
  | { readonly ok: false; readonly refusal: Refusal };

const FIELDS = new Set([
  'model',
  'generationConfig',
  'systemInstruction',
  'tools',
  'realtimeInputConfig',
  'sessionResumption',
  'contextWindowCompression',
  'inputAudioTranscription',
  'outputAudioTranscription',
  'proactivity',
  'historyConfig',
  'explicitVadSignal',
  'avatarConfig',
  'safetySettings',
  'labels',
]);
/** Of the generation settings, those that this endpoint does not take. */
const UNSUPPORTED = [
  'responseSchema',
  'responseMimeType',
  'stopSequences',
  'responseLogprobs',
  'logprobs',
  'routingConfig',
  'audioTimestamp',
];
/** Of the setup, what only one of the two places takes. */
const ONLY_GEMINI_API = ['historyConfig'];
const ONLY_VERTEX = ['explicitVadSignal', 'labels'];

const DEFAULT_SILENCE_MS = 500;
const DEFAULT_PADDING_MS = 300;
const LONGEST_MS = 10_000;

const refuse = (refusal: Refusal): SetupReading => ({ ok: false, refusal });

export function readSetup(value: JsonValue | undefined, onVertex: boolean): SetupReading {
  const setup = asObject(value);
  if (setup === undefined) return refuse(INVALID_ARGUMENT);
  const unknown = Object.keys(setup).find((name) => !FIELDS.has(name));
  if (unknown !== undefined) return refuse(unknownField(unknown, 'setup'));
  if ((onVertex ? ONLY_GEMINI_API : ONLY_VERTEX).some((name) => setup[name] !== undefined)) {
    return refuse(INVALID_ARGUMENT);
  }
  const fullName = asText(setup['model']) ?? '';
  const model = fullName.split('/').at(-1) ?? '';
  if (!(onVertex ? /(^|\/)publishers\/google\/models\/[^/]+$/ : /^models\/[^/]+$/).test(fullName)) {
    return refuse(INVALID_ARGUMENT);
  }
  if (!/^(gemini|sim)-/.test(model)) {
    const reason = `${fullName.slice(0, 50)} is not found or is not supported for bidiGenerateContent.`;
    return refuse({ code: 1008, reason });
  }
  const generation = asObject(setup['generationConfig']) ?? {};
  const modality = modalityOf(generation, model);
  if (modality === null || UNSUPPORTED.some((name) => generation[name] !== undefined)) {
    return refuse(INVALID_ARGUMENT);
  }
  const resumption = readResumption(setup['sessionResumption'], onVertex);
  if (resumption !== null && 'code' in resumption) return refuse(resumption);
  return { ok: true, setup: { ...options(setup, generation), model, modality, resumption } };
}

/** One of the two, never both; the newest model and those that are audio natively answer in audio only. */
function modalityOf(generation: JsonObject, model: string): Setup['modality'] | null {
  const modalities = asArray(generation['responseModalities']) ?? ['AUDIO'];
  const [first] = modalities;
  if (modalities.length !== 1 || (first !== 'AUDIO' && first !== 'TEXT')) return null;
  return first === 'TEXT' && /native-audio|^gemini-3\.8-live/.test(model) ? null : first;
}

function readResumption(value: JsonValue | undefined, onVertex: boolean): Setup['resumption'] | Refusal {
  if (value === undefined) return null;
  const resumption = asObject(value);
  if (resumption === undefined) return INVALID_ARGUMENT;
  if (resumption['transparent'] === true && !onVertex) return INVALID_ARGUMENT;
  const { handle } = resumption;
  if (handle === undefined) return { handle: null };
  // A null handle was reported to be refused so.
  if (typeof handle !== 'string' || handle === '') return { ...INVALID_ARGUMENT, code: 1008 };
  return { handle };
}

function options(
  setup: JsonObject,
  generation: JsonObject,
): Omit<Setup, 'model' | 'modality' | 'resumption'> {
  const realtime = setup['realtimeInputConfig'];
  const voice = member(
    member(member(generation['speechConfig'], 'voiceConfig'), 'prebuiltVoiceConfig'),
    'voiceName',
  );
  return {
    voice: asText(voice) ?? 'Puck',
    instructions: textOf(setup['systemInstruction']),
    tools: readTools(setup['tools']),
    thinks: member(generation['thinkingConfig'], 'includeThoughts') === true,
    transcribesInput: asObject(setup['inputAudioTranscription']) !== undefined,
    transcribesOutput: asObject(setup['outputAudioTranscription']) !== undefined,
    detection: readDetection(member(realtime, 'automaticActivityDetection')),
    activityInterrupts: member(realtime, 'activityHandling') !== 'NO_INTERRUPTION',
    beginsWithHistory: member(setup['historyConfig'], 'initialHistoryInClientContent') === true,
  };
}

function readDetection(value: JsonValue | undefined): Setup['detection'] {
  if (member(value, 'disabled') === true) return null;
  const ms = (name: string, otherwise: number): number => {
    const given = member(value, name);
    return typeof given === 'number' && given >= 0 ? Math.min(given, LONGEST_MS) : otherwise;
  };
  return {
    prefixPaddingMs: ms('prefixPaddingMs', DEFAULT_PADDING_MS),
    silenceMs: ms('silenceDurationMs', DEFAULT_SILENCE_MS),
  };
}

/** Text of a Content's parts. */
export function textOf(content: JsonValue | undefined): string {
  return (asArray(member(content, 'parts')) ?? []).map((part) => asText(member(part, 'text')) ?? '').join('');
}

/** Function declarations, in the form in which tools are chosen. */
export function readTools(value: JsonValue | undefined): readonly JsonObject[] {
  return (asArray(value) ?? []).flatMap((tool) =>
    (asArray(member(tool, 'functionDeclarations')) ?? []).map((declaration) => ({
      type: 'function',
      name: asText(member(declaration, 'name')) ?? '',
      parameters: lowerTypes(
        member(declaration, 'parametersJsonSchema') ?? member(declaration, 'parameters') ?? {},
      ),
    })),
  );
}

/** OpenAPI's types are in capitals here, JSON Schema's are not. */
function lowerTypes(schema: JsonValue): JsonValue {
  const items = asArray(schema);
  if (items !== undefined) return items.map(lowerTypes);
  const object = asObject(schema);
  if (object === undefined) return schema;
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [
      key,
      key === 'type' && typeof value === 'string' ? value.toLowerCase() : lowerTypes(value),
    ]),
  );
}
