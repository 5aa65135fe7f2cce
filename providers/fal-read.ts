/**
 * Reads fal's two wires. HTTP over WebSocket: JSON requests, answered one after the other by `start`, the body, and `end`.
 * Realtime: MessagePack both ways, which goes across unread. fal reports no usage, so requests are counted here.
 */
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
import type { Observation, UsageObservation } from '../protocol/observations.ts';
import type { Outgoing, Payload, Sender } from './adapter.ts';

type Answer = {
  readonly id: string;
  /** By its Content-Type: null when it is neither sound nor text, such as an image. */
  readonly of: 'audio' | 'text' | null;
  readonly hasOutput: boolean;
  /** What the body says of a failure. */
  readonly detail: string;
};

export type FalState = {
  readonly form: 'http' | 'realtime';
  readonly model: string | null;
  readonly dials: number;
  /** Requests counted on the realtime wire: what makes each one's key its own. */
  readonly counted: number;
  /** HTTP: requests without a `start`, in their order; null is one that is too long to keep. */
  readonly unanswered: readonly (string | null)[];
  readonly answer: Answer | null;
};

interface FalReading {
  readonly state: FalState;
  readonly observations: readonly Observation[];
}

const UNANSWERED = 64;
const REQUEST_CHARACTERS = 128_000;
const ID_CHARACTERS = 128;
const MESSAGE_CHARACTERS = 500;
const FAILED = 400;

export function readFal(state: FalState, from: Sender, payload: Payload): FalReading {
  if (state.form === 'realtime') return readRealtime(state, from, payload);
  if (typeof payload !== 'string') {
    return from.side === 'client' ? { state, observations: [] } : readBody(state, payload.byteLength);
  }
  const event = asObject(parseJson(payload));
  if (event !== undefined)
    return from.side === 'client' ? readRequest(state, payload) : readEvent(state, event);
  // A body may be any JSON, or any text.
  return from.side === 'client' || payload === '' ? { state, observations: [] } : readBody(state, 0);
}

function readRequest(state: FalState, frame: string): FalReading {
  const { unanswered, answer } = state;
  if (unanswered.length === UNANSWERED) return { state, observations: [] };
  const characters = unanswered.reduce((sum, each) => sum + (each?.length ?? 0), frame.length);
  const isFirst = unanswered.length === 0 && answer === null;
  return {
    state: { ...state, unanswered: [...unanswered, characters > REQUEST_CHARACTERS ? null : frame] },
    // The clock of a later one starts when those before it are answered.
    observations: isFirst ? [{ kind: 'asked' }] : [],
  };
}

function readEvent(state: FalState, event: JsonObject): FalReading {
  const { answer } = state;
  switch (asText(event['type'])) {
    case 'start':
      // A body may be JSON too, but hardly with both of these.
      if (answer === null || asObject(event['headers']) !== undefined) return readStart(state, event);
      break;
    case 'end':
      if (answer !== null && idOf(event) === answer.id) return readEnd(state, answer, event);
      break;
    case 'x-fal-error':
      return readFalError(state, event);
    default:
      break;
  }
  return readBody(state, 0, event);
}

/** A request that fal has taken up is billed, unless its answer is an error. */
function readStart(state: FalState, event: JsonObject): FalReading {
  const id = idOf(event);
  const answer: Answer = { id, of: kindOf(event['headers']), hasOutput: false, detail: '' };
  const observations: Observation[] = [];
  // Answers come one after the other: the end of the one before got lost.
  if (state.answer !== null)
    observations.push({ kind: 'response.ended', responseId: state.answer.id, outcome: 'incomplete' });
  observations.push({ kind: 'response.started', responseId: id });
  if (!failed(event)) observations.push(oneRequest(id, state.model, event));
  return { state: { ...state, unanswered: state.unanswered.slice(1), answer }, observations };
}

function readEnd(state: FalState, answer: Answer, event: JsonObject): FalReading {
  const observations: Observation[] = [];
  if (failed(event))
    observations.push({ kind: 'error', code: String(asCount(event['status'])), message: answer.detail });
  const outcome = failed(event) ? 'failed' : 'completed';
  observations.push({ kind: 'response.ended', responseId: answer.id, outcome });
  if (state.unanswered.length > 0) observations.push({ kind: 'asked' });
  return { state: { ...state, answer: null }, observations };
}

/** @param body when it is a JSON object */
function readBody(state: FalState, bytes: number, body?: JsonObject): FalReading {
  const { answer } = state;
  if (answer === null) return { state, observations: [] };
  const observations: Observation[] = [];
  const of = answer.of ?? (bytes === 0 ? 'text' : null);
  if (!answer.hasOutput && of !== null)
    observations.push({ kind: 'response.output', responseId: answer.id, of });
  // Compressed: how long it sounds does not show in its bytes.
  if (answer.of === 'audio' && bytes > 0)
    observations.push({ kind: 'audio', speaker: 'model', bytes, ms: null });
  const detail = body === undefined ? '' : detailOf(body['detail']);
  if (answer.hasOutput && detail === '') return { state, observations };
  return {
    state: {
      ...state,
      answer: { ...answer, hasOutput: true, detail: detail === '' ? answer.detail : detail },
    },
    observations,
  };
}

function readRealtime(state: FalState, from: Sender, payload: Payload): FalReading {
  const event = typeof payload === 'string' ? asObject(parseJson(payload)) : undefined;
  if (from.side === 'upstream')
    return event === undefined ? { state, observations: [] } : readFalError(state, event);
  if (typeof payload === 'string' && event === undefined) return { state, observations: [] };
  return {
    state: { ...state, counted: state.counted + 1 },
    observations: [oneRequest(`request/${state.counted}`, state.model, null)],
  };
}

/** `x-fal-error`, and the older refusal of a token. That a socket was idle is no error: fal's own client ignores it. */
function readFalError(state: FalState, event: JsonObject): FalReading {
  const isError = event['type'] === 'x-fal-error' || event['status'] === 'error';
  const code = asText(event['error']) ?? 'unknown';
  if (!isError || code === 'TIMEOUT') return { state, observations: [] };
  const message = (asText(event['reason']) ?? asText(event['message']) ?? '').slice(0, MESSAGE_CHARACTERS);
  const error: Observation = { kind: 'error', code: code.slice(0, ID_CHARACTERS), message };
  const { answer } = state;
  if (answer === null) return { state, observations: [error] };
  return {
    state: { ...state, answer: null },
    observations: [error, { kind: 'response.ended', responseId: answer.id, outcome: 'failed' }],
  };
}

function oneRequest(key: string, model: string | null, raw: JsonValue): UsageObservation {
  return {
    kind: 'usage',
    dedupeKey: key,
    purpose: 'response',
    model,
    usage: { unit: 'requests', requests: 1 },
    source: 'measured',
    raw: raw === null ? { requests: 1 } : { requests: 1, request_id: key },
  };
}

function idOf(event: JsonObject): string {
  return (asText(event['request_id']) ?? '').slice(0, ID_CHARACTERS);
}

function failed(event: JsonObject): boolean {
  return (asCount(event['status']) ?? 0) >= FAILED;
}

function kindOf(headers: JsonValue | undefined): Answer['of'] {
  const names = Object.keys(asObject(headers) ?? {});
  const name = names.find((each) => each.toLowerCase() === 'content-type') ?? '';
  const type = asText(member(headers, name)) ?? '';
  if (type.startsWith('audio/')) return 'audio';
  return /^(text\/|application\/json)/.test(type) ? 'text' : null;
}

/** A sentence, or a list of what is wrong with the request's members. */
function detailOf(detail: JsonValue | undefined): string {
  const messages = asArray(detail)?.map((each) => asText(member(each, 'msg')) ?? '') ?? [
    asText(detail) ?? '',
  ];
  return messages.join('; ').slice(0, MESSAGE_CHARACTERS);
}

/** A request whose answer had begun; one that fal had not taken up is asked again, where the session goes on. */
export function endFal({ answer }: FalState): readonly Observation[] {
  return answer === null ? [] : [{ kind: 'response.ended', responseId: answer.id, outcome: 'incomplete' }];
}

/**
 * Requests know nothing of each other. One without an answer is sent again; one whose answer had begun ends as failed, since
 * a second answer would be appended to half of the first. On the realtime wire clients send again by themselves.
 */
export function restoreFal(state: FalState): { readonly state: FalState; readonly send: Outgoing } {
  const dials = state.dials + 1;
  if (state.dials === 0) return { state: { ...state, dials }, send: { upstream: [], clients: [] } };
  const { answer, unanswered } = state;
  const again = unanswered.filter((each) => each !== null);
  const clients: JsonValue[] = [];
  if (answer !== null) clients.push({ type: 'end', request_id: answer.id, status: 502 });
  for (let lost = unanswered.length - again.length; lost > 0; lost -= 1) clients.push(LOST);
  return {
    state: { ...state, dials, answer: null, unanswered: again },
    send: { upstream: again, clients: clients.map((frame) => JSON.stringify(frame)) },
  };
}

const LOST: JsonValue = {
  type: 'x-fal-error',
  error: 'CONNECTION_LOST',
  reason: 'The connection to the provider was lost, and the request was too long to be kept.',
};
