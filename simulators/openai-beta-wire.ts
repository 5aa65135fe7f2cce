/**
 * The beta shape of OpenAI's realtime wire, which Azure's preview still speaks: flat sessions, `response.audio.*`,
 * `conversation.item.created`. Fields as the beta types of the `openai` SDK have them.
 */
import { asArray, asObject, asText, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { decimal, invalidValue, oneOf, repeated } from './openai-rules.ts';
import type { Incoming, Variant } from './openai-variant.ts';
import type { Problem } from './openai-wire.ts';

type Fields = Record<string, JsonValue>;

const FORMATS: Readonly<Record<string, JsonObject>> = {
  pcm16: { type: 'audio/pcm', rate: 24_000 },
  g711_ulaw: { type: 'audio/pcmu' },
  g711_alaw: { type: 'audio/pcma' },
};

/** A flat setting, and where the GA session has it. */
const SESSION_PATHS: readonly (readonly [string, readonly string[]])[] = [
  ['modalities', ['output_modalities']],
  ['max_response_output_tokens', ['max_output_tokens']],
  ['input_audio_format', ['audio', 'input', 'format']],
  ['input_audio_transcription', ['audio', 'input', 'transcription']],
  ['input_audio_noise_reduction', ['audio', 'input', 'noise_reduction']],
  ['turn_detection', ['audio', 'input', 'turn_detection']],
  ['output_audio_format', ['audio', 'output', 'format']],
  ['voice', ['audio', 'output', 'voice']],
  ['speed', ['audio', 'output', 'speed']],
];
/** What only the GA session has. */
const GA_ONLY = ['type', 'audio', 'output_modalities', 'max_output_tokens', 'truncation', 'include'];

const EVENTS: Readonly<Record<string, string>> = {
  'conversation.item.added': 'conversation.item.created',
  'response.output_text.delta': 'response.text.delta',
  'response.output_text.done': 'response.text.done',
  'response.output_audio.delta': 'response.audio.delta',
  'response.output_audio.done': 'response.audio.done',
  'response.output_audio_transcript.delta': 'response.audio_transcript.delta',
  'response.output_audio_transcript.done': 'response.audio_transcript.done',
};
const PARTS: Readonly<Record<string, string>> = { output_text: 'text', output_audio: 'audio' };

export function betaWire(): Variant {
  let temperature = 0.8;
  let wanted = temperature;
  const sessionOut = (session: JsonObject): JsonObject => {
    const {
      type: _type,
      object = null,
      truncation: _truncation,
      include: _include,
      ...shown
    } = flat(session);
    return { ...shown, object, temperature };
  };
  return {
    // Azure's own limit is not known; 30 minutes was that of the beta.
    sessionMs: 30 * 60_000,
    pingMs: null,
    charges: 'tokens',
    tellsConversation: false,
    incoming: (event) => {
      const asked = asObject(event['session'])?.['temperature'];
      if (event['type'] === 'session.update') wanted = typeof asked === 'number' ? asked : temperature;
      return incoming(event);
    },
    outgoing: (event) => {
      // Of an update that was refused nothing holds.
      if (event['type'] === 'session.updated') temperature = wanted;
      return outgoing(event, sessionOut);
    },
  };
}

function incoming(event: JsonObject): Incoming {
  switch (event['type']) {
    case 'session.update':
      return replaced(event, 'session', nested);
    case 'response.create':
      return replaced(event, 'response', nested);
    case 'conversation.item.create':
      return replaced(event, 'item', itemIn);
    default:
      return { kind: 'event', event };
  }
}

type Shaped<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: Problem };

const fail = (problem: Problem): Shaped<never> => ({ ok: false, problem });

/** A part that the GA wire names so is none here. */
function itemIn(item: JsonObject): Shaped<JsonObject> {
  const at = (asArray(item['content']) ?? []).findIndex((part) => asObject(part)?.['type'] === 'output_text');
  if (at === -1) return { ok: true, value: withParts(item, 'text', 'output_text') };
  const message =
    "Invalid value: 'output_text'. Supported values are: 'input_text', 'input_audio' and 'text'.";
  return fail(invalidValue(`item.content[${at}].type`, message));
}

function withParts(item: JsonObject, from: string, to: string): JsonObject {
  const content = asArray(item['content']);
  if (content === undefined) return item;
  return {
    ...item,
    content: content.map((part) => {
      const object = asObject(part);
      return object?.['type'] === from ? { ...object, type: to } : part;
    }),
  };
}

function replaced(
  event: JsonObject,
  member: string,
  change: (value: JsonObject, path: string) => Shaped<JsonObject>,
): Incoming {
  const value = asObject(event[member]);
  if (value === undefined) return { kind: 'event', event };
  const shaped = change(value, member);
  return shaped.ok
    ? { kind: 'event', event: { ...event, [member]: shaped.value } }
    : { kind: 'refused', problem: shaped.problem };
}

/** The GA shape of flat settings, or the first thing that is wrong with them. */
function nested(settings: JsonObject, path: string): Shaped<JsonObject> {
  const unknown = GA_ONLY.find((name) => settings[name] !== undefined);
  if (unknown !== undefined) {
    const param = `${path}.${unknown}`;
    return fail({ code: 'unknown_parameter', message: `Unknown parameter: '${param}'.`, param });
  }
  const { temperature, ...rest } = settings;
  const problem = temperature === undefined ? null : decimal(0.6, 1.2)(temperature, `${path}.temperature`);
  if (problem !== null) return fail(problem);
  const shaped: Fields = path === 'session' ? { type: 'realtime' } : {};
  for (const [name, value] of Object.entries(rest)) {
    const target = SESSION_PATHS.find(([each]) => each === name)?.[1] ?? [name];
    const translated = translatedIn(name, value, `${path}.${name}`);
    if (!translated.ok) return translated;
    put(shaped, target, translated.value);
  }
  return { ok: true, value: shaped };
}

/** A flat value in the GA's terms. */
function translatedIn(name: string, value: JsonValue, path: string): Shaped<JsonValue> {
  switch (name) {
    case 'modalities': {
      const asked = asArray(value)?.map(repeated).toSorted().join() ?? '';
      if (asked === 'text') return { ok: true, value: ['text'] };
      if (asked === 'audio,text') return { ok: true, value: ['audio'] };
      const message = `Invalid modalities: ${repeated(value)}. Supported combinations are: ['text'] and ['audio', 'text'].`;
      return fail(invalidValue(path, message));
    }
    case 'input_audio_format':
    case 'output_audio_format': {
      const problem = oneOf(...Object.keys(FORMATS))(value, path);
      return problem === null ? { ok: true, value: FORMATS[asText(value) ?? ''] ?? null } : fail(problem);
    }
    default:
      return { ok: true, value };
  }
}

function put(target: Fields, path: readonly string[], value: JsonValue): void {
  const [first = '', ...rest] = path;
  if (rest.length === 0) {
    Object.defineProperty(target, first, { value, enumerable: true, writable: true, configurable: true });
    return;
  }
  const inner: Fields = { ...asObject(target[first]) };
  put(inner, rest, value);
  target[first] = inner;
}

function outgoing(event: JsonObject, session: (session: JsonObject) => JsonObject): JsonObject | null {
  const type = asText(event['type']) ?? '';
  if (type === 'conversation.item.done') return null;
  const { obfuscation: _none, ...shown } = event;
  const renamed = Object.hasOwn(EVENTS, type) ? { ...shown, type: EVENTS[type] ?? type } : shown;
  const members: Readonly<Record<string, (value: JsonObject) => JsonObject>> = {
    session,
    response: responseOut,
    item: itemOut,
    error: errorOut,
  };
  return Object.fromEntries(
    Object.entries(renamed).map(([name, value]) => {
      const object = asObject(value);
      return [name, object === undefined ? value : (members[name]?.(object) ?? object)];
    }),
  );
}

function responseOut(response: JsonObject): JsonObject {
  const { max_response_output_tokens: most = null, ...shown } = flat(response);
  const output = (asArray(response['output']) ?? []).map((item) => itemOut(asObject(item) ?? {}));
  return { ...shown, max_output_tokens: most, output };
}

function itemOut(item: JsonObject): JsonObject {
  return Object.entries(PARTS).reduce((each, [from, to]) => withParts(each, from, to), item);
}

/** Clients are told of the setting that they sent. */
function errorOut(error: JsonObject): JsonObject {
  const param = asText(error['param']);
  const path = SESSION_PATHS.map(([name, target]) => [name, target.join('.')] as const).find(([, ga]) =>
    param?.includes(`.${ga}`),
  );
  return path === undefined || param === undefined
    ? error
    : { ...error, param: param.replace(path[1], path[0]) };
}

/** A GA object with its settings on one level. */
function flat(object: JsonObject): JsonObject {
  const { audio: _audio, output_modalities: _modalities, max_output_tokens: _most, ...rest } = object;
  const shown: Fields = { ...rest };
  for (const [name, path] of SESSION_PATHS) {
    const value = path.reduce<JsonValue | undefined>((inner, key) => asObject(inner)?.[key], object);
    if (value !== undefined) shown[name] = translatedOut(name, value);
  }
  return shown;
}

function translatedOut(name: string, value: JsonValue): JsonValue {
  switch (name) {
    case 'modalities':
      return asArray(value)?.includes('audio') === true ? ['text', 'audio'] : ['text'];
    case 'input_audio_format':
    case 'output_audio_format': {
      const type = asObject(value)?.['type'];
      return Object.keys(FORMATS).find((format) => FORMATS[format]?.['type'] === type) ?? value;
    }
    default:
      return value;
  }
}
