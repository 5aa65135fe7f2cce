/**
 * Restoring an OpenAI Realtime conversation on a new socket. OpenAI has no resumption: a new socket is an empty
 * conversation, so its configuration and items are sent again, under their old ids.
 *
 *     new session.created (swallowed) -> session.update without turn taking, items, session.update as it was
 *     -> their answers (swallowed) -> restored
 */
import { asArray, asObject, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import type { Outgoing } from './adapter.ts';
import { onNewSocket, soundOf } from './openai-kept-sound.ts';
import { isBetaSession, merge, type OpenAIState, type OpenResponse } from './openai-state.ts';

const NOTHING: Outgoing = { upstream: [], clients: [] };
const PREFIX = 'parley_restore_';
const FIRST = `${PREFIX}config`;
const LAST = `${PREFIX}done`;

/** The provider answers each of the two configurations: with session.updated, or with an error that names it. */
const CONFIGURATIONS = 2;

export function beginRestore(state: OpenAIState): {
  readonly state: OpenAIState;
  readonly send: Outgoing;
  readonly complete: boolean;
} {
  const dials = state.dials + 1;
  if (state.dials === 0) return { state: { ...state, dials }, send: NOTHING, complete: true };
  return {
    state: {
      ...state,
      dials,
      open: [],
      asked: 0,
      hearing: false,
      sound: onNewSocket(state.sound),
      restoring: { step: 'greeting' },
    },
    send: { upstream: [], clients: state.open.flatMap((open) => terminalEvents(state, open)) },
    complete: false,
  };
}

/** What a provider of this wire says first: one of them, or both. */
const GREETINGS = new Set(['session.created', 'conversation.created']);

export interface RestoreStep {
  readonly state: OpenAIState;
  readonly route: 'across' | 'nowhere';
  readonly send?: Outgoing;
  readonly restored?: true;
}

/** One upstream event during a restoration. */
export function continueRestore(state: OpenAIState, event: JsonObject): RestoreStep {
  const { restoring } = state;
  if (restoring === null) return { state, route: 'across' };
  const type = asText(event['type']) ?? '';
  switch (restoring.step) {
    case 'greeting':
      if (!GREETINGS.has(type)) return { state, route: 'across' };
      return {
        state: { ...state, restoring: { step: 'answers', missing: CONFIGURATIONS } },
        route: 'nowhere',
        send: { upstream: restoringFrames(state), clients: [] },
      };
    case 'answers': {
      if (!answers(type, event)) return { state, route: isOurs(state, type, event) ? 'nowhere' : 'across' };
      const missing = restoring.missing - 1;
      if (missing > 0)
        return { state: { ...state, restoring: { step: 'answers', missing } }, route: 'nowhere' };
      return { state: { ...state, restoring: null }, route: 'nowhere', restored: true };
    }
  }
}

function answers(type: string, event: JsonObject): boolean {
  if (type === 'session.updated') return true;
  const id = asText(member(event['error'], 'event_id'));
  return type === 'error' && (id === FIRST || id === LAST);
}

/** What answers our own frames, and would be news to no client. */
function isOurs(state: OpenAIState, type: string, event: JsonObject): boolean {
  if (type === 'rate_limits.updated' || GREETINGS.has(type)) return true;
  if (type === 'error') return asText(member(event['error'], 'event_id'))?.startsWith(PREFIX) === true;
  if (!type.startsWith('conversation.item.')) return false;
  const id = asText(member(event['item'], 'id'));
  return state.items.some((item) => item['id'] === id);
}

function restoringFrames(state: OpenAIState): readonly string[] {
  const session = configuration(state);
  const frames: JsonValue[] = [
    { type: 'session.update', event_id: FIRST, session: withoutTurnTaking(session) },
  ];
  state.items.forEach((item, index) => {
    const again = recreated(state, item, isBetaSession(session) ? 'text' : 'output_text');
    if (again !== null)
      frames.push({ type: 'conversation.item.create', event_id: `${PREFIX}${index}`, item: again });
  });
  frames.push({ type: 'session.update', event_id: LAST, session });
  return frames.map((frame) => JSON.stringify(frame));
}

/** Set by the provider: refused when they are sent back. */
const SERVER_FIELDS = new Set(['id', 'object', 'expires_at', 'model', 'client_secret']);
/** Where null says "off"; elsewhere it says "not set", and is left out. */
const MEANINGFUL_NULLS = new Set(['turn_detection', 'transcription', 'noise_reduction']);

function configuration(state: OpenAIState): JsonObject {
  const merged = merge(state.session ?? {}, state.wanted);
  const session = asObject(strip(merged, true)) ?? {};
  return isBetaSession(session) ? session : { type: 'realtime', ...session };
}

function strip(value: JsonValue, top: boolean): JsonValue {
  const object = asObject(value);
  if (object === undefined) return value;
  return Object.fromEntries(
    Object.entries(object)
      .filter(
        ([key, each]) => (each !== null || MEANINGFUL_NULLS.has(key)) && !(top && SERVER_FIELDS.has(key)),
      )
      .map(([key, each]) => [key, strip(each, false)]),
  );
}

const QUIET = { create_response: false, interrupt_response: false };

/** Stray audio must not start an answer in the middle of a restoration. */
function withoutTurnTaking(session: JsonObject): JsonObject {
  const nested = asObject(member(member(member(session, 'audio'), 'input'), 'turn_detection'));
  const flat = asObject(session['turn_detection']);
  return merge(session, {
    ...(nested === undefined ? {} : { audio: { input: { turn_detection: { ...nested, ...QUIET } } } }),
    ...(flat === undefined ? {} : { turn_detection: { ...flat, ...QUIET } }),
  });
}

/**
 * An item as it may be created again, or null when it cannot be.
 *
 * @param spoken what the wire calls a text part of the model's
 */
function recreated(state: OpenAIState, item: JsonObject, spoken: string): JsonObject | null {
  const id = asText(item['id']) ?? '';
  switch (asText(item['type'])) {
    case 'message': {
      const role = asText(item['role']) ?? 'user';
      const content = (asArray(item['content']) ?? []).flatMap((part, index) => {
        const audio = soundOf(state, id, index);
        return audio === undefined ? recreatedPart(role, part, spoken) : [asSound(part, audio)];
      });
      return content.length === 0 ? null : { id, type: 'message', role, content };
    }
    case 'function_call':
      return pick(item, ['id', 'type', 'name', 'arguments', 'call_id']);
    case 'function_call_output':
      return pick(item, ['id', 'type', 'call_id', 'output']);
    default:
      // Made by the provider alone (MCP), or unknown.
      return null;
  }
}

function asSound(part: JsonValue, audio: string): JsonObject {
  const transcript = asText(member(part, 'transcript'));
  return { type: 'input_audio', audio, ...(transcript === undefined ? {} : { transcript }) };
}

/** Assistant audio cannot be supplied; its transcript can, as text. So are the user's words, whose sound was not kept. */
function recreatedPart(role: string, part: JsonValue, spoken: string): JsonValue[] {
  const object = asObject(part);
  if (object === undefined) return [];
  const text = asText(object['text']) ?? asText(object['transcript']);
  if (asText(object['type']) === 'input_image') return [object];
  if (text === undefined || text === '') return [];
  return [{ type: role === 'assistant' ? spoken : 'input_text', text }];
}

function pick(object: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(
    keys.flatMap((key) => (object[key] === undefined ? [] : [[key, object[key] ?? null]])),
  );
}

/**
 * The end of a response that died with its socket. Clients wait for it: the agents SDK queues every later
 * `response.create` until it has seen `response.done`.
 */
function terminalEvents(state: OpenAIState, open: OpenResponse): readonly string[] {
  const items = open.items.map(({ id, index }) => ({
    index,
    item: {
      id,
      object: 'realtime.item',
      type: 'message',
      role: 'assistant',
      status: 'incomplete',
      content: [],
    },
  }));
  const events: JsonValue[] = items.map(({ index, item }) => ({
    type: 'response.output_item.done',
    event_id: `${PREFIX}${open.id}_${index}`,
    response_id: open.id,
    output_index: index,
    item,
  }));
  events.push({
    type: 'response.done',
    event_id: `${PREFIX}${open.id}`,
    response: {
      object: 'realtime.response',
      id: open.id,
      status: 'failed',
      status_details: {
        type: 'failed',
        error: {
          type: 'server_error',
          code: 'connection_lost',
          message: 'The provider connection was lost.',
        },
      },
      output: items.map(({ item }) => item),
      conversation_id: null,
      output_modalities: state.session?.['output_modalities'] ?? ['audio'],
      usage: null,
      metadata: null,
    },
  });
  return events.map((event) => JSON.stringify(event));
}
