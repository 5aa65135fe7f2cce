/** The ids that an OpenAI socket makes: of responses, items and calls, which a client's later frames refer to. */
import { asObject, asText } from '../protocol/json.ts';
import type { MadeId, Payload } from './adapter.ts';
import { eventOf } from './openai-read.ts';

/** Most frames are pieces of an answer, and name nothing new. */
const NAMES_SOMETHING =
  /"type":\s*"(response\.created|conversation\.item\.(added|created)|response\.output_item\.added)"/;

export function madeIds(payload: Payload): readonly MadeId[] {
  if (typeof payload !== 'string' || !NAMES_SOMETHING.test(payload)) return [];
  const event = eventOf(payload);
  const response = asText(asObject(event?.['response'])?.['id']);
  if (response !== undefined) return [{ kind: 'response', id: response }];
  const item = asObject(event?.['item']);
  const id = asText(item?.['id']);
  if (item === undefined || id === undefined) return [];
  const call = asText(item['call_id']);
  const kind = ['item', asText(item['type']), asText(item['role'])].join(' ');
  const ids = [{ kind, id }];
  return call === undefined || asText(item['type']) !== 'function_call'
    ? ids
    : [...ids, { kind: 'call', id: call }];
}
