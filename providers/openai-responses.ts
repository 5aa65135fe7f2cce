/** Reads Responses events, as a Responses WebSocket and GPT-Live's delegations send them. */
import { asCount, asObject, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import type { Observation, Usage } from '../protocol/observations.ts';
import type { Sender } from './adapter.ts';
import { errorObservation } from './openai-read.ts';

export type ResponsesState = {
  /** response.create sent and not answered yet. */
  readonly asked: number;
  readonly open: readonly { readonly id: string; readonly hasOutput: boolean }[];
};

export const NO_RESPONSES: ResponsesState = { asked: 0, open: [] };

export interface ResponsesReading {
  readonly state: ResponsesState;
  readonly observations: readonly Observation[];
}

const NOTHING: readonly Observation[] = [];
const OPEN_RESPONSES = 32;

export function readResponses(state: ResponsesState, from: Sender, event: JsonObject): ResponsesReading {
  const type = asText(event['type']);
  if (from.side === 'client') {
    return type === 'response.create'
      ? { state: { ...state, asked: state.asked + 1 }, observations: [{ kind: 'asked' }] }
      : { state, observations: NOTHING };
  }
  switch (type) {
    case 'response.created':
      return readCreated(state, asText(member(event['response'], 'id')));
    case 'response.output_text.delta':
      return readOutput(state);
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
    case 'error':
      // A protocol error has its details in `error`, one of the response stream in the event itself.
      return {
        state: state.asked === 0 ? state : { ...state, asked: state.asked - 1 },
        observations: [errorObservation(asObject(event['error']) ?? event)],
      };
    default:
      return { state, observations: NOTHING };
  }
}

function readCreated(state: ResponsesState, id: string | undefined): ResponsesReading {
  if (id === undefined) return { state, observations: NOTHING };
  const others = state.open.filter((each) => each.id !== id).slice(-(OPEN_RESPONSES - 1));
  return {
    state: { asked: Math.max(0, state.asked - 1), open: [...others, { id, hasOutput: false }] },
    observations: [{ kind: 'response.started', responseId: id }],
  };
}

/** A delta names its item and not its response; that of the only open one is certain. */
function readOutput(state: ResponsesState): ResponsesReading {
  const [only] = state.open;
  if (only === undefined || state.open.length > 1 || only.hasOutput) return { state, observations: NOTHING };
  return {
    state: { ...state, open: [{ ...only, hasOutput: true }] },
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
