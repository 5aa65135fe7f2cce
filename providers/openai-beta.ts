/**
 * The retired beta dialect of OpenAI Realtime, for clients that still speak it: OpenAI closes them with 4000 since May
 * 2026. Pure and stateless: each frame is translated by itself, and what has no beta counterpart is left as it is.
 */
import { asArray, asObject, asText, type JsonObject, type JsonValue, parseJson } from '../protocol/json.ts';
import type { ClientSignals, Payload, Translation } from './adapter.ts';

export const BETA_HEADER = 'openai-beta';
export const BETA_SUBPROTOCOL = 'openai-beta.realtime-v1';
const BETA_SIGNAL = 'realtime=v1';

export function betaTranslation(signals: ClientSignals): Translation | null {
  const header = signals.headers[BETA_HEADER] ?? '';
  const isBeta = header.split(',').some((each) => each.trim() === BETA_SIGNAL);
  return isBeta || signals.subprotocols.includes(BETA_SUBPROTOCOL) ? { toUpstream, toClient } : null;
}

// --- client to provider -------------------------------------------------------------------------------------------

function toUpstream(payload: Payload): Payload | null {
  return translated(payload, (event) => {
    switch (asText(event['type'])) {
      case 'session.update':
        return withMember(event, 'session', (session) => sessionToGa(session, 'realtime'));
      case 'transcription_session.update':
        return withMember({ ...event, type: 'session.update' }, 'session', (session) =>
          sessionToGa(session, 'transcription'),
        );
      case 'response.create':
        return withMember(event, 'response', responseToGa);
      case 'conversation.item.create':
        return withMember(event, 'item', itemToGa);
      default:
        return event;
    }
  });
}

const FORMATS_TO_GA: Readonly<Record<string, JsonObject>> = {
  pcm16: { type: 'audio/pcm', rate: 24_000 },
  g711_ulaw: { type: 'audio/pcmu' },
  g711_alaw: { type: 'audio/pcma' },
};

/** A session that is GA shaped already is left as it is. */
function sessionToGa(session: JsonObject, type: 'realtime' | 'transcription'): JsonObject {
  if (session['type'] !== undefined || session['audio'] !== undefined) return session;
  const { modalities, temperature: _temperature, max_response_output_tokens, ...others } = session;
  const {
    input_audio_format,
    input_audio_transcription,
    input_audio_noise_reduction,
    turn_detection,
    ...kept
  } = others;
  const {
    output_audio_format,
    voice,
    speed,
    client_secret: _secret,
    id: _id,
    object: _object,
    ...rest
  } = kept;
  const input = defined({
    format: formatToGa(input_audio_format),
    transcription: input_audio_transcription,
    noise_reduction: input_audio_noise_reduction,
    turn_detection,
  });
  const output = defined({ format: formatToGa(output_audio_format), voice, speed });
  const audio = defined({ input: nonEmpty(input), output: nonEmpty(output) });
  return {
    type,
    ...rest,
    ...defined({
      output_modalities: modalitiesToGa(modalities),
      max_output_tokens: max_response_output_tokens,
      audio: nonEmpty(audio),
    }),
  };
}

function responseToGa(response: JsonObject): JsonObject {
  if (response['output_modalities'] !== undefined || response['audio'] !== undefined) return response;
  const {
    modalities,
    voice,
    output_audio_format,
    temperature: _temperature,
    max_response_output_tokens,
    ...others
  } = response;
  const { input, max_output_tokens, ...rest } = others;
  const output = defined({ format: formatToGa(output_audio_format), voice });
  return {
    ...rest,
    ...defined({
      output_modalities: modalitiesToGa(modalities),
      max_output_tokens: max_output_tokens ?? max_response_output_tokens,
      input: asArray(input)?.map((item) => mapObject(item, itemToGa)) ?? input,
      audio: nonEmpty(output) === undefined ? undefined : { output },
    }),
  };
}

/** Beta asked for both at once; GA speech always comes with its text, so audio says it all. */
function modalitiesToGa(modalities: JsonValue | undefined): JsonValue | undefined {
  const list = asArray(modalities);
  if (list === undefined) return undefined;
  return list.includes('audio') ? ['audio'] : ['text'];
}

function formatToGa(format: JsonValue | undefined): JsonValue | undefined {
  const name = asText(format);
  return name !== undefined && Object.hasOwn(FORMATS_TO_GA, name) ? FORMATS_TO_GA[name] : format;
}

function itemToGa(item: JsonObject): JsonObject {
  if (item['role'] !== 'assistant') return item;
  return withContent(item, (part) => ({
    ...part,
    type: part['type'] === 'text' ? 'output_text' : (part['type'] ?? null),
  }));
}

// --- provider to client -------------------------------------------------------------------------------------------

const EVENTS_TO_BETA: Readonly<Record<string, string>> = {
  'conversation.item.added': 'conversation.item.created',
  'response.output_text.delta': 'response.text.delta',
  'response.output_text.done': 'response.text.done',
  'response.output_audio.delta': 'response.audio.delta',
  'response.output_audio.done': 'response.audio.done',
  'response.output_audio_transcript.delta': 'response.audio_transcript.delta',
  'response.output_audio_transcript.done': 'response.audio_transcript.done',
};

function toClient(payload: Payload): Payload | null {
  return translated(payload, (event) => {
    const type = asText(event['type']) ?? '';
    // Beta told of an item once.
    if (type === 'conversation.item.done') return null;
    const renamed = Object.hasOwn(EVENTS_TO_BETA, type)
      ? { ...event, type: EVENTS_TO_BETA[type] ?? type }
      : event;
    switch (type) {
      case 'session.created':
      case 'session.updated':
        return withMember(renamed, 'session', sessionToBeta);
      case 'response.created':
      case 'response.done':
        return withMember(renamed, 'response', responseToBeta);
      case 'conversation.item.added':
      case 'conversation.item.retrieved':
      case 'response.output_item.added':
      case 'response.output_item.done':
        return withMember(renamed, 'item', itemToBeta);
      default:
        return renamed;
    }
  });
}

function sessionToBeta(session: JsonObject): JsonObject {
  const { type: _type, output_modalities, max_output_tokens, audio, ...rest } = session;
  const input = asObject(asObject(audio)?.['input']) ?? {};
  const output = asObject(asObject(audio)?.['output']) ?? {};
  return {
    ...rest,
    ...defined({
      modalities: modalitiesToBeta(output_modalities),
      voice: output['voice'],
      speed: output['speed'],
      input_audio_format: formatToBeta(input['format']),
      output_audio_format: formatToBeta(output['format']),
      input_audio_transcription: input['transcription'],
      input_audio_noise_reduction: input['noise_reduction'],
      turn_detection: input['turn_detection'],
      max_response_output_tokens: max_output_tokens,
    }),
  };
}

function responseToBeta(response: JsonObject): JsonObject {
  const { output_modalities, audio, output, ...rest } = response;
  const audioOutput = asObject(asObject(audio)?.['output']) ?? {};
  return {
    ...rest,
    ...defined({
      modalities: modalitiesToBeta(output_modalities),
      voice: audioOutput['voice'],
      output_audio_format: formatToBeta(audioOutput['format']),
      output: asArray(output)?.map((item) => mapObject(item, itemToBeta)) ?? output,
    }),
  };
}

function modalitiesToBeta(modalities: JsonValue | undefined): JsonValue | undefined {
  const list = asArray(modalities);
  if (list === undefined) return undefined;
  return list.includes('audio') ? ['text', 'audio'] : ['text'];
}

function formatToBeta(format: JsonValue | undefined): JsonValue | undefined {
  const type = asText(asObject(format)?.['type']);
  return Object.keys(FORMATS_TO_GA).find((name) => FORMATS_TO_GA[name]?.['type'] === type) ?? format;
}

const PARTS_TO_BETA: Readonly<Record<string, string>> = { output_text: 'text', output_audio: 'audio' };

function itemToBeta(item: JsonObject): JsonObject {
  return withContent(item, (part) => {
    const type = asText(part['type']) ?? '';
    return Object.hasOwn(PARTS_TO_BETA, type) ? { ...part, type: PARTS_TO_BETA[type] ?? type } : part;
  });
}

// --- shapes ---------------------------------------------------------------------------------------------------------

/** The same payload when nothing was to be translated: a frame is only written again where it must be. */
function translated(payload: Payload, change: (event: JsonObject) => JsonObject | null): Payload | null {
  if (typeof payload !== 'string') return payload;
  const event = asObject(parseJson(payload));
  if (event === undefined) return payload;
  const changed = change(event);
  if (changed === null) return null;
  return changed === event ? payload : JSON.stringify(changed);
}

function withMember(event: JsonObject, key: string, change: (value: JsonObject) => JsonObject): JsonObject {
  const value = asObject(event[key]);
  if (value === undefined) return event;
  const changed = change(value);
  return changed === value ? event : { ...event, [key]: changed };
}

function withContent(item: JsonObject, change: (part: JsonObject) => JsonObject): JsonObject {
  const content = asArray(item['content']);
  return content === undefined ? item : { ...item, content: content.map((part) => mapObject(part, change)) };
}

function mapObject(value: JsonValue, change: (object: JsonObject) => JsonObject): JsonValue {
  const object = asObject(value);
  return object === undefined ? value : change(object);
}

function defined(members: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(members).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

function nonEmpty(object: JsonObject): JsonObject | undefined {
  return Object.keys(object).length === 0 ? undefined : object;
}
