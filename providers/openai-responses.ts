/** Reads Responses events, as a Responses WebSocket and GPT-Live's delegations send them. */
import { asCount, asObject, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import type { Observation, Usage } from '../protocol/observations.ts';
import type { Sender } from './adapter.ts';
import { errorObservation } from './openai-read.ts';

export type ResponsesState = {
  /** Responses that are to come: of each response.create that is not answered yet, and of input for one that is given. */
  readonly asked: number;
  /** Frames that asked for nothing while a response was to come: each is answered with an error of its own. */
  readonly strays: number;
  readonly open: readonly OpenResponse[];
};

type OpenResponse = {
  readonly id: string;
  /** Requests of one are answered in turn, those of several at once; null: it named none. */
  readonly stream: string | null;
  readonly hasOutput: boolean;
  /** Another follows it, unasked: its client said something to it. */
  readonly steered: boolean;
};

export const NO_RESPONSES: ResponsesState = { asked: 0, strays: 0, open: [] };

export interface ResponsesReading {
  readonly state: ResponsesState;
  readonly observations: readonly Observation[];
}

const NOTHING: readonly Observation[] = [];
const OPEN_RESPONSES = 32;

export function readResponses(state: ResponsesState, from: Sender, event: JsonObject): ResponsesReading {
  const type = asText(event['type']);
  if (from.side === 'client') return readClient(state, type);
  switch (type) {
    case 'response.created':
      return readCreated(state, event);
    case 'response.output_text.delta':
      return readOutput(state, event);
    case 'response.output_text.done': {
      const itemId = asText(event['item_id']) ?? '';
      const text = asText(event['text']) ?? '';
      return { state, observations: [{ kind: 'transcript', speaker: 'model', itemId, text }] };
    }
    case 'response.output_item.done':
      return { state, observations: toolCalled(asObject(event['item']) ?? {}) };
    case 'response.completed':
      return readEnded(state, asObject(event['response']) ?? {}, 'completed');
    case 'response.incomplete':
      return readEnded(state, asObject(event['response']) ?? {}, 'incomplete');
    case 'response.failed':
      return readEnded(state, asObject(event['response']) ?? {}, 'failed');
    case 'response.steer.accepted':
      return {
        state: steered(state, asText(member(event['steer'], 'previous_response_id'))),
        observations: NOTHING,
      };
    case 'response.steer.pending':
      // What follows waits for a client.
      return { state: withAsked(state, -1), observations: NOTHING };
    case 'response.steer.failed':
      return { state: notFollowed(state, event), observations: NOTHING };
    case 'error':
      // A protocol error has its details in `error`, one of the response stream in the event itself.
      return {
        state: refused(state, event),
        observations: [errorObservation(asObject(event['error']) ?? event)],
      };
    default:
      return { state, observations: NOTHING };
  }
}

function readClient(state: ResponsesState, type: string | undefined): ResponsesReading {
  switch (type) {
    case 'response.create':
      return { state: withAsked(state, 1), observations: [{ kind: 'asked' }] };
    case 'response.steer':
      // Its answer is not an error.
      return { state, observations: NOTHING };
    default:
      return { state: strayed(state), observations: NOTHING };
  }
}

/** A client sent what is no request. */
export function strayed(state: ResponsesState): ResponsesState {
  return state.asked === 0 ? state : { ...state, strays: state.strays + 1 };
}

/** @param by what was asked for more, or is not to come any more */
export function withAsked(state: ResponsesState, by: 1 | -1): ResponsesState {
  const asked = Math.max(0, state.asked + by);
  if (asked === state.asked) return state;
  return { ...state, asked, strays: asked === 0 ? 0 : state.strays };
}

/** An error does not say which frame it answers; only that of a request can have the name of a stream. */
function refused(state: ResponsesState, event: JsonObject): ResponsesState {
  if (state.strays === 0 || event['stream_id'] !== undefined) return withAsked(state, -1);
  return { ...state, strays: state.strays - 1 };
}

function steered(state: ResponsesState, id: string | undefined): ResponsesState {
  const target = state.open.find((each) => each.id === id);
  if (target === undefined || target.steered) return state;
  const open = state.open.map((each) => (each === target ? { ...each, steered: true } : each));
  return { ...state, asked: state.asked + 1, open };
}

/** Of what can fail, only this fails after it was accepted. */
function notFollowed(state: ResponsesState, event: JsonObject): ResponsesState {
  return member(event['error'], 'code') === 'successor_creation_failed' ? withAsked(state, -1) : state;
}

function readCreated(state: ResponsesState, event: JsonObject): ResponsesReading {
  const id = asText(member(event['response'], 'id'));
  if (id === undefined) return { state, observations: NOTHING };
  const others = state.open.filter((each) => each.id !== id).slice(-(OPEN_RESPONSES - 1));
  const created = { id, stream: asText(event['stream_id']) ?? null, hasOutput: false, steered: false };
  return {
    state: { ...withAsked(state, -1), open: [...others, created] },
    observations: [{ kind: 'response.started', responseId: id }],
  };
}

/** A delta names its item and not its response; that of the only open one of its stream is certain. */
function readOutput(state: ResponsesState, event: JsonObject): ResponsesReading {
  const stream = asText(event['stream_id']) ?? null;
  const [only, another] = state.open.filter((each) => each.stream === stream);
  if (only === undefined || another !== undefined || only.hasOutput) return { state, observations: NOTHING };
  return {
    state: {
      ...state,
      open: state.open.map((each) => (each === only ? { ...only, hasOutput: true } : each)),
    },
    observations: [{ kind: 'response.output', responseId: only.id, of: 'text' }],
  };
}

function toolCalled(item: JsonObject): readonly Observation[] {
  if (item['type'] !== 'function_call') return NOTHING;
  return [{ kind: 'tool.called', callId: asText(item['call_id']) ?? '', name: asText(item['name']) ?? '' }];
}

function readEnded(
  state: ResponsesState,
  response: JsonObject,
  outcome: 'completed' | 'incomplete' | 'failed',
): ResponsesReading {
  const responseId = asText(response['id']) ?? '';
  const observations: Observation[] = [{ kind: 'response.ended', responseId, outcome }];
  const usage = usageOf(response['usage']);
  if (usage !== null) {
    observations.push({
      kind: 'usage',
      dedupeKey: responseId,
      purpose: 'response',
      model: asText(response['model']) ?? null,
      usage,
      source: 'provider',
      raw: response['usage'] ?? null,
    });
  }
  const error = asObject(response['error']);
  if (error !== undefined) observations.push(errorObservation(error));
  const open = state.open.filter((each) => each.id !== responseId);
  return { state: open.length === state.open.length ? state : { ...state, open }, observations };
}

/** These counts are not split by modality: all of them stand as text, and the raw object tells the rest. */
function usageOf(usage: JsonValue | undefined): Usage | null {
  const input = asCount(member(usage, 'input_tokens'));
  const output = asCount(member(usage, 'output_tokens'));
  if (input === undefined && output === undefined) return null;
  const text = (count: number | undefined) => ({ text: count ?? 0, audio: 0, image: 0 });
  return {
    unit: 'tokens',
    tokens: {
      input: text(input),
      cached: text(asCount(member(member(usage, 'input_tokens_details'), 'cached_tokens'))),
      output: text(output),
      reasoning: asCount(member(member(usage, 'output_tokens_details'), 'reasoning_tokens')) ?? 0,
    },
  };
}
