/** Reads OpenAI Realtime events, GA wire: what each changes, and what is to be recorded of it. */
import {
  asArray,
  asCount,
  asObject,
  asText,
  type JsonObject,
  type JsonValue,
  member,
  parseJson,
} from '../protocol/json.ts';
import type { Observation } from '../protocol/observations.ts';
import type { Payload } from './adapter.ts';
import { audioObservation } from './openai-skim.ts';
import {
  changeOpen,
  closed,
  inputSetting,
  opened,
  type OpenAIState,
  withConversation,
  withItem,
  withOpenItem,
  withoutItem,
  withParts,
  withSession,
  withWanted,
  hasTurnDetection,
} from './openai-state.ts';
import { responseUsage, transcriptionUsage } from './openai-usage.ts';

export interface EventReading {
  readonly state: OpenAIState;
  readonly observations: readonly Observation[];
  readonly expiresAtMs?: number;
}

const NOTHING: readonly Observation[] = [];

/** The event of a frame; undefined for a frame that is none. */
export function eventOf(payload: Payload): JsonObject | undefined {
  return typeof payload === 'string' ? asObject(parseJson(payload)) : undefined;
}

function withHearing(state: OpenAIState, hearing: boolean): OpenAIState {
  return state.hearing === hearing ? state : { ...state, hearing };
}

/** When the provider will close a socket that it greets so, ms since the epoch; null: it does not say. */
export function expiryOf(event: JsonObject): number | null {
  const at = asCount(member(event['session'], 'expires_at'));
  return at === undefined || at === 0 ? null : at * 1000;
}

export function readClientEvent(state: OpenAIState, event: JsonObject): EventReading {
  switch (asText(event['type'])) {
    case 'input_audio_buffer.append': {
      const audio = asText(event['audio']);
      return {
        // Without detection of speech, audio waits for its commit.
        state: hasTurnDetection(state) ? state : withHearing(state, true),
        observations: audio === undefined ? NOTHING : [audioObservation(state, 'user', audio)],
      };
    }
    case 'input_audio_buffer.commit':
      // With voice activity detection the provider says when speech ended; without it the commit does.
      return { state, observations: hasTurnDetection(state) ? NOTHING : [{ kind: 'asked' }] };
    case 'session.update':
    case 'transcription_session.update': {
      const session = asObject(event['session']);
      return { state: session === undefined ? state : withWanted(state, session), observations: NOTHING };
    }
    case 'response.create':
      return { state: { ...state, asked: state.asked + 1 }, observations: [{ kind: 'asked' }] };
    default:
      return { state, observations: NOTHING };
  }
}

export function readServerEvent(state: OpenAIState, event: JsonObject): EventReading {
  const type = asText(event['type']) ?? '';
  if (type.startsWith('response.')) return readResponseEvent(state, type, event);
  if (type.startsWith('conversation.item.')) return readItemEvent(state, type, event);
  switch (type) {
    case 'session.created':
    case 'session.updated':
    case 'transcription_session.created':
    case 'transcription_session.updated': {
      const session = asObject(event['session']);
      if (session === undefined) return { state, observations: NOTHING };
      const expiresAt = asCount(session['expires_at']);
      const isNew = expiresAt !== undefined && expiresAt > 0 && state.session?.['expires_at'] !== expiresAt;
      const read = { state: withSession(state, session), observations: NOTHING };
      return isNew ? { ...read, expiresAtMs: expiresAt * 1000 } : read;
    }
    case 'conversation.created': {
      const conversation = asObject(event['conversation']);
      return {
        state: conversation === undefined ? state : withConversation(state, conversation),
        observations: NOTHING,
      };
    }
    case 'input_audio_buffer.speech_started':
      return { state: withHearing(state, true), observations: NOTHING };
    case 'input_audio_buffer.committed':
    case 'input_audio_buffer.cleared':
      return { state: withHearing(state, false), observations: NOTHING };
    case 'input_audio_buffer.speech_stopped':
      return { state, observations: [{ kind: 'asked' }] };
    case 'error':
      return readError(state, asObject(event['error']) ?? {});
    default:
      return { state, observations: NOTHING };
  }
}

function readItemEvent(state: OpenAIState, type: string, event: JsonObject): EventReading {
  const id = asText(event['item_id']) ?? '';
  switch (type) {
    case 'conversation.item.added':
    case 'conversation.item.created':
    case 'conversation.item.done': {
      const item = asObject(event['item']);
      return {
        state: item === undefined ? state : withItem(state, item, event['previous_item_id']),
        observations: NOTHING,
      };
    }
    case 'conversation.item.deleted':
      return { state: withoutItem(state, id), observations: NOTHING };
    case 'conversation.item.truncated':
      // The provider forgets the transcript of what was cut off, and so must a restored conversation.
      return {
        state: withParts(state, id, ({ transcript: _transcript, ...part }) => part),
        observations: NOTHING,
      };
    case 'conversation.item.input_audio_transcription.completed':
      return readTranscription(state, id, event);
    case 'conversation.item.input_audio_transcription.failed':
      return readFailure(state, asObject(event['error']) ?? {});
    default:
      return { state, observations: NOTHING };
  }
}

function readTranscription(state: OpenAIState, itemId: string, event: JsonObject): EventReading {
  const transcript = asText(event['transcript']) ?? '';
  const usage = transcriptionUsage(event['usage']);
  const observations: Observation[] = [{ kind: 'transcript', speaker: 'user', itemId, text: transcript }];
  if (usage !== null) {
    observations.push({
      kind: 'usage',
      dedupeKey: `${itemId}/${asCount(event['content_index']) ?? 0}`,
      purpose: 'transcription',
      model: transcriptionModel(state),
      usage,
      source: 'provider',
      raw: event['usage'] ?? null,
    });
  }
  return { state: withParts(state, itemId, (part) => ({ ...part, transcript })), observations };
}

/** The event does not name the model that transcribed; the session's configuration does. */
function transcriptionModel(state: OpenAIState): string | null {
  return asText(member(inputSetting(state, 'transcription'), 'model')) ?? null;
}

function readResponseEvent(state: OpenAIState, type: string, event: JsonObject): EventReading {
  const responseId = asText(event['response_id']);
  switch (type) {
    case 'response.created': {
      const id = asText(member(event['response'], 'id'));
      return id === undefined
        ? { state, observations: NOTHING }
        : { state: opened(state, id), observations: [{ kind: 'response.started', responseId: id }] };
    }
    case 'response.output_audio.delta':
    case 'response.audio.delta': {
      const audio = asText(event['delta']);
      const observed: readonly Observation[] =
        audio === undefined ? NOTHING : [audioObservation(state, 'model', audio)];
      return firstOutput(state, responseId, 'audio', observed);
    }
    case 'response.output_text.delta':
    case 'response.text.delta':
      return firstOutput(state, responseId, 'text', NOTHING);
    case 'response.output_audio_transcript.done':
    case 'response.audio_transcript.done':
      return { state, observations: modelTranscript(event, event['transcript']) };
    case 'response.output_text.done':
    case 'response.text.done':
      return { state, observations: modelTranscript(event, event['text']) };
    case 'response.output_item.added': {
      const id = asText(member(event['item'], 'id')) ?? '';
      const index = asCount(event['output_index']) ?? 0;
      return {
        state: changeOpen(state, responseId, (open) => withOpenItem(open, id, index)),
        observations: NOTHING,
      };
    }
    case 'response.output_item.done':
      return readItemDone(state, responseId, asObject(event['item']) ?? {});
    case 'response.done':
      return readDone(state, asObject(event['response']) ?? {});
    default:
      return { state, observations: NOTHING };
  }
}

function firstOutput(
  state: OpenAIState,
  responseId: string | undefined,
  of: 'audio' | 'text',
  observed: readonly Observation[],
): EventReading {
  const next = changeOpen(state, responseId, (open) =>
    open.hasOutput ? open : { ...open, hasOutput: true },
  );
  if (next === state || responseId === undefined) return { state, observations: observed };
  return { state: next, observations: [{ kind: 'response.output', responseId, of }, ...observed] };
}

function modelTranscript(event: JsonObject, text: JsonValue | undefined): readonly Observation[] {
  const itemId = asText(event['item_id']) ?? '';
  return [{ kind: 'transcript', speaker: 'model', itemId, text: asText(text) ?? '' }];
}

function readItemDone(state: OpenAIState, responseId: string | undefined, item: JsonObject): EventReading {
  const id = asText(item['id']) ?? '';
  const next = changeOpen(withItem(state, item, undefined), responseId, (open) => ({
    ...open,
    items: open.items.filter((each) => each.id !== id),
  }));
  if (item['type'] !== 'function_call' || item['status'] === 'incomplete')
    return { state: next, observations: NOTHING };
  const callId = asText(item['call_id']) ?? '';
  return { state: next, observations: [{ kind: 'tool.called', callId, name: asText(item['name']) ?? '' }] };
}

const OUTCOMES = {
  completed: 'completed',
  cancelled: 'interrupted',
  incomplete: 'incomplete',
  failed: 'failed',
} as const;

function readDone(state: OpenAIState, response: JsonObject): EventReading {
  const responseId = asText(response['id']) ?? '';
  const status = asText(response['status']) ?? '';
  const outcome = isOutcome(status) ? OUTCOMES[status] : 'incomplete';
  const observations: Observation[] = [{ kind: 'response.ended', responseId, outcome }];
  const usage = responseUsage(response['usage']);
  if (usage !== null) {
    observations.push({
      kind: 'usage',
      dedupeKey: responseId,
      purpose: 'response',
      model: asText(state.session?.['model']) ?? null,
      usage,
      source: 'provider',
      raw: response['usage'] ?? null,
    });
  }
  const error = asObject(member(response['status_details'], 'error'));
  if (error !== undefined) observations.push(errorObservation(error));
  let next = closed(state, responseId);
  for (const item of asArray(response['output']) ?? []) {
    const object = asObject(item);
    if (object !== undefined && next.items.some((each) => each['id'] === object['id']))
      next = withItem(next, object, undefined);
  }
  return { state: next, observations };
}

/** Responses that a session ends in the middle of: of them the provider never said what they cost. */
export function unfinished(open: readonly { readonly id: string }[]): readonly Observation[] {
  return open.map(({ id }) => ({ kind: 'response.ended', responseId: id, outcome: 'incomplete' }));
}

function isOutcome(status: string): status is keyof typeof OUTCOMES {
  return Object.hasOwn(OUTCOMES, status);
}

/** An error answers whatever was asked: a refused response.create gets nothing else. */
function readError(state: OpenAIState, error: JsonObject): EventReading {
  const next = state.asked === 0 ? state : { ...state, asked: 0 };
  return { ...readFailure(next, error), state: next };
}

function readFailure(state: OpenAIState, error: JsonObject): EventReading {
  return { state, observations: [errorObservation(error)] };
}

/** Providers of this wire quote the head of a refused key in their messages. */
const KEY = /\b(?:sk|ek|xai)[-_][A-Za-z0-9*_-]{3,}/g;
const MESSAGE_CHARACTERS = 500;

export function errorObservation(error: JsonObject): Observation {
  return {
    kind: 'error',
    code: asText(error['code']) ?? asText(error['type']) ?? 'unknown',
    message: (asText(error['message']) ?? '').replace(KEY, '[key]').slice(0, MESSAGE_CHARACTERS),
  };
}
