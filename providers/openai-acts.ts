/** What clients' events do on OpenAI's wires, GA and beta, and on those of its host's other WebSockets. */
import { asArray, asObject, asText, type JsonObject } from '../protocol/json.ts';
import { type Act, byType, hasOnly, only, readActs, type ReadAct } from './acts.ts';
import type { NeighbourState } from './openai-neighbours.ts';

const ID = ['type', 'event_id'];
const DONE = /"\}$/y;

/** A response under its own instructions or tools is another model than the one that the session was set up to be. */
const PLAIN_RESPONSE = ['metadata', 'output_modalities', 'modalities'];
/** The user's own words; a text in another's name would be an instruction. */
const USER_PARTS = ['input_text', 'input_audio', 'input_image'];
const ANSWERS = ['function_call_output', 'mcp_approval_response'];

function responseAct(event: JsonObject): Act {
  const { response } = event;
  if (!hasOnly(event, [...ID, 'response'])) return 'configure';
  return response === undefined || hasOnly(response, PLAIN_RESPONSE) ? 'speak' : 'configure';
}

function itemAct(event: JsonObject): Act {
  const item = asObject(event['item']);
  if (item === undefined || !hasOnly(event, [...ID, 'item', 'previous_item_id'])) return 'unknown';
  const type = asText(item['type']) ?? '';
  if (ANSWERS.includes(type)) return 'answer';
  const parts = asArray(item['content']) ?? [];
  const isUsers =
    type === 'message' &&
    item['role'] === 'user' &&
    parts.every((part) => USER_PARTS.includes(asText(asObject(part)?.['type']) ?? ''));
  return isUsers ? 'speak' : 'configure';
}

export const openaiActs: ReadAct = readActs({
  plain: { head: '{"type":"input_audio_buffer.append","audio":"', tail: DONE },
  object: byType(
    new Map<string, Act | ((event: JsonObject) => Act)>([
      ['input_audio_buffer.append', only([...ID, 'audio'], 'speak')],
      ['input_audio_buffer.commit', only(ID, 'speak')],
      ['input_audio_buffer.clear', only(ID, 'speak')],
      ['output_audio_buffer.clear', only(ID, 'speak')],
      ['response.create', responseAct],
      ['response.cancel', only([...ID, 'response_id'], 'speak')],
      ['conversation.item.create', itemAct],
      ['conversation.item.truncate', only([...ID, 'item_id', 'content_index', 'audio_end_ms'], 'speak')],
      ['conversation.item.retrieve', only([...ID, 'item_id'], 'attend')],
      ['conversation.item.delete', 'configure'],
      ['session.update', 'configure'],
      ['transcription_session.update', 'configure'],
    ]),
  ),
});

const TRANSLATION: ReadAct = readActs({
  plain: { head: '{"type":"session.input_audio_buffer.append","audio":"', tail: DONE },
  object: byType(
    new Map([
      ['session.input_audio_buffer.append', only([...ID, 'audio'], 'speak')],
      ['session.update', () => 'configure'],
      ['session.close', () => 'configure'],
    ]),
  ),
});

const LIVE: ReadAct = readActs({
  plain: { head: '{"type":"session.input_audio.append","audio":"', tail: DONE },
  object: byType(
    new Map([
      ['session.input_audio.append', only([...ID, 'audio'], 'speak')],
      ['session.start', () => 'configure'],
      ['session.update', () => 'configure'],
      ['session.close', () => 'configure'],
    ]),
  ),
});

/** Each request to Responses brings its model, instructions and tools along. */
const RESPONSES: ReadAct = readActs({ object: byType(new Map([['response.create', 'configure']])) });

export function neighbourActs(neighbour: NeighbourState['neighbour']): ReadAct {
  switch (neighbour) {
    case 'translation':
      return TRANSLATION;
    case 'live':
      return LIVE;
    case 'responses':
      return RESPONSES;
  }
}
