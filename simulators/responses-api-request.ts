/** What a client asks of the Responses API: its input as items, in the shapes of `openai` 7.57, and what is wrong with it. */
import { asArray, asObject, asText, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { Item } from './openai-items.ts';
import { invalidValue, missing, repeated } from './openai-rules.ts';
import type { Counted } from './openai-usage.ts';
import type { Problem } from './openai-wire.ts';

export interface ResponsesRequest {
  readonly model: string;
  /** As the client sent it: instructions, tools, limits. */
  readonly config: JsonObject;
  /** All that the model reads: what went before, then what is new. */
  readonly input: readonly Item[];
  /** Input of the response that this one goes on from, for the cache. */
  readonly earlierInput: readonly Counted[];
  readonly turn: number;
}

/** What a later response can go on from. */
export interface StoredResponse {
  readonly items: readonly Item[];
  readonly input: readonly Counted[];
}

export type RequestReading =
  | { readonly ok: true; readonly request: ResponsesRequest }
  | { readonly ok: false; readonly problem: Problem };

/** @param stored the response of that id, if it is known on this connection */
export function readRequest(
  config: JsonObject,
  turn: number,
  stored: (id: string) => StoredResponse | undefined,
  newId: (prefix: string) => string,
): RequestReading {
  const refused = (problem: Problem): RequestReading => ({ ok: false, problem });
  const model = asText(config['model']);
  if (model === undefined) return refused(missing('model'));
  if (model === 'nope') {
    const message = `The requested model '${model}' does not exist.`;
    return refused({ code: 'model_not_found', message, param: 'model' });
  }
  const previousId = asText(config['previous_response_id']);
  const previous = previousId === undefined ? undefined : stored(previousId);
  if (previousId !== undefined && previous === undefined) {
    const message = `Previous response with id '${repeated(previousId)}' not found.`;
    return refused({ code: 'previous_response_not_found', message, param: 'previous_response_id' });
  }
  const items = readInput(config['input'] ?? [], newId);
  if ('problem' in items) return refused(items.problem);
  const input = [...(previous?.items ?? []), ...items.items];
  return { ok: true, request: { model, config, input, earlierInput: previous?.input ?? [], turn } };
}

type InputReading = { readonly items: readonly Item[] } | { readonly problem: Problem };

/** A text is the user's. */
export function readInput(input: JsonValue, newId: (prefix: string) => string): InputReading {
  if (typeof input === 'string') return { items: [message('user', input, newId)] };
  const entries = asArray(input);
  if (entries === undefined)
    return { problem: invalidValue('input', "Invalid 'input': expected a string or an array.") };
  const items: Item[] = [];
  for (const [index, entry] of entries.entries()) {
    const item = readItem(asObject(entry) ?? {}, newId);
    if (item === null) {
      const path = `input[${index}]`;
      return { problem: invalidValue(path, `Invalid '${path}': ${repeated(entry)}.`) };
    }
    items.push(item);
  }
  return { items };
}

function readItem(entry: JsonObject, newId: (prefix: string) => string): Item | null {
  switch (asText(entry['type']) ?? 'message') {
    case 'message': {
      const role = asText(entry['role']);
      const content = entry['content'];
      if (role === undefined || (typeof content !== 'string' && asArray(content) === undefined)) return null;
      return message(role, content ?? '', newId);
    }
    case 'function_call_output': {
      if (asText(entry['call_id']) === undefined) return null;
      const output = entry['output'];
      const words = typeof output === 'string' ? output : JSON.stringify(output ?? '');
      return { id: newId('fco'), wire: { ...entry, output: words }, audio: null, words };
    }
    case 'function_call':
      return { id: asText(entry['id']) ?? newId('fc'), wire: entry, audio: null, words: '' };
    default:
      return null;
  }
}

function message(role: string, content: JsonValue, newId: (prefix: string) => string): Item {
  const parts =
    typeof content === 'string'
      ? [{ type: 'input_text', text: content }]
      : (asArray(content) ?? []).map((part) => asObject(part) ?? {});
  const words = parts.map((part) => asText(part['text']) ?? '').join(' ');
  const id = newId('msg');
  return { id, wire: { id, type: 'message', role, content: parts }, audio: null, words };
}
