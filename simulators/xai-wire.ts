/**
 * xAI's voice wire, where it differs from OpenAI's: settings at the top of the session, `response.text.*`, `ping` events,
 * no truncation, no usage. Its other sample rates are not simulated: audio is PCM at 24 kHz, or G.711.
 */
import { asArray, asObject, asText, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { anyObject, boolean, fields, oneOf, text } from './openai-rules.ts';
import type { Incoming, Variant } from './openai-variant.ts';
import type { Problem } from './openai-wire.ts';

const EVENTS: Readonly<Record<string, string>> = {
  'response.output_text.delta': 'response.text.delta',
  'response.output_text.done': 'response.text.done',
};
const TRANSCRIPTION = 'conversation.item.input_audio_transcription';
/** The provider's own tools: it runs them itself, and this simulator none. */
const BUILT_IN_TOOLS = ['web_search', 'x_search', 'file_search'];

/** Settings that OpenAI's session has no place for, or another set of values. */
const OWN_RULES: Readonly<Record<string, (value: JsonValue, path: string) => Problem | null>> = {
  voice: text,
  reasoning: fields({ effort: oneOf('none', 'high') }),
  resumption: fields({ enabled: boolean }),
};

export function xaiWire(): Variant {
  let own: JsonObject = { voice: 'ara', resumption: { enabled: false } };
  let wanted = own;
  let tools: readonly JsonValue[] = [];
  let wantedTools = tools;
  /** Transcripts so far: the service repeats the whole of each. */
  const heard = new Map<string, string>();
  return {
    sessionMs: 120 * 60_000,
    pingMs: 20_000,
    charges: 'sound and items',
    tellsConversation: true,
    incoming: (event) => {
      switch (event['type']) {
        case 'conversation.item.truncate':
          return { kind: 'ignored' };
        case 'response.create':
          return { kind: 'event', event: withGaModalities(event) };
        case 'session.update': {
          const session = asObject(event['session']);
          if (session === undefined) return { kind: 'event', event };
          wanted = { ...own, ...ownOf(session) };
          wantedTools = asArray(session['tools']) ?? tools;
          return readUpdate(event, session);
        }
        default:
          return { kind: 'event', event };
      }
    },
    outgoing: (event) => {
      if (event['type'] === 'session.updated') [own, tools] = [wanted, wantedTools];
      return outgoing(event, { own, tools, heard });
    },
  };
}

function ownOf(session: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(session).filter(([name]) => Object.hasOwn(OWN_RULES, name)));
}

/** The update in OpenAI's terms; what is xAI's own is checked and left out. */
function readUpdate(event: JsonObject, session: JsonObject): Incoming {
  for (const [name, value] of Object.entries(ownOf(session))) {
    const problem = OWN_RULES[name]?.(value, `session.${name}`) ?? null;
    if (problem !== null) return { kind: 'refused', problem };
  }
  const { voice: _voice, reasoning: _reasoning, resumption: _resumption, ...rest } = session;
  const { turn_detection: turns, audio, tools, ...others } = rest;
  const input = asObject(asObject(audio)?.['input']);
  const transcription = asObject(input?.['transcription']);
  const shaped = {
    ...asObject(audio),
    input: {
      ...input,
      ...(transcription === undefined
        ? {}
        : { transcription: { model: transcription['model'] ?? 'grok-transcribe' } }),
      ...(turns === undefined ? {} : { turn_detection: turns }),
    },
  };
  const functions = asArray(tools)?.filter(
    (tool) => !BUILT_IN_TOOLS.includes(asText(asObject(tool)?.['type']) ?? ''),
  );
  const update = {
    type: 'realtime',
    ...others,
    audio: shaped,
    ...(functions === undefined ? {} : { tools: functions }),
  };
  const problem = audio === undefined ? null : anyObject(audio, 'session.audio');
  return problem === null
    ? { kind: 'event', event: { ...event, session: update } }
    : { kind: 'refused', problem };
}

/** A response may name its modalities as OpenAI's beta did. */
function withGaModalities(event: JsonObject): JsonObject {
  const { modalities, ...response } = asObject(event['response']) ?? {};
  const asked = asArray(modalities);
  if (asked === undefined) return event;
  const output_modalities = asked.includes('audio') ? ['audio'] : ['text'];
  return { ...event, response: { output_modalities, ...response } };
}

interface Memory {
  readonly own: JsonObject;
  readonly tools: readonly JsonValue[];
  readonly heard: Map<string, string>;
}

function outgoing(event: JsonObject, memory: Memory): JsonObject | null {
  const type = asText(event['type']) ?? '';
  switch (type) {
    case 'session.created':
    case 'session.updated':
      return { ...event, session: sessionOut(asObject(event['session']) ?? {}, memory) };
    case 'conversation.item.added':
    case 'conversation.item.done':
      return { ...event, previous_item_id: null };
    case 'conversation.item.deleted':
      return { ...event, item_id: '' };
    case 'response.done':
      return { ...event, response: { ...asObject(event['response']), usage: {} } };
    case `${TRANSCRIPTION}.delta`: {
      const { delta = '', obfuscation: _padding, ...rest } = event;
      const id = asText(event['item_id']) ?? '';
      const transcript = (memory.heard.get(id) ?? '') + (asText(delta) ?? '');
      memory.heard.set(id, transcript);
      return { ...rest, type: `${TRANSCRIPTION}.completed`, transcript, status: 'in_progress' };
    }
    case `${TRANSCRIPTION}.completed`: {
      memory.heard.delete(asText(event['item_id']) ?? '');
      const { usage: _usage, ...rest } = event;
      return rest;
    }
    default:
      return Object.hasOwn(EVENTS, type) ? { ...event, type: EVENTS[type] ?? type } : event;
  }
}

function sessionOut(session: JsonObject, { own, tools }: Memory): JsonObject {
  const audio = asObject(session['audio']) ?? {};
  const { turn_detection: turns = null, ...input } = asObject(audio['input']) ?? {};
  const { voice: _voice, ...output } = asObject(audio['output']) ?? {};
  return { ...session, ...own, tools, turn_detection: turns, audio: { input, output } };
}
