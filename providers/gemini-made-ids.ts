/** The ids that Google makes and a client answers by: those of calls. */
import { asArray, asText, member } from '../protocol/json.ts';
import type { MadeId, Payload } from './adapter.ts';
import { messageOf } from './gemini-wire.ts';

export function madeIds(payload: Payload): readonly MadeId[] {
  const calls = asArray(member(messageOf(payload)?.['toolCall'], 'functionCalls')) ?? [];
  return calls.flatMap((call) => {
    const id = asText(member(call, 'id'));
    return id === undefined ? [] : [{ kind: 'call', id }];
  });
}
