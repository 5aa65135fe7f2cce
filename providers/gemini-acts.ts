/** What clients' messages do on Gemini Live. Names come in either case, so one that comes in both is not certain. */
import { asArray, asObject, asText, type JsonObject } from '../protocol/json.ts';
import { type Act, hasOnly, readActs, type ReadAct } from './acts.ts';
import { field, snakeCase } from './gemini-wire.ts';

const REALTIME = ['audio', 'video', 'text', 'mediaChunks', 'activityStart', 'activityEnd', 'audioStreamEnd'];
const CONTENT = ['turns', 'turnComplete'];

function inBothCases(names: readonly string[]): readonly string[] {
  return names.flatMap((name) => [name, snakeCase(name)]);
}

function isOneName(message: object): boolean {
  const names = Object.keys(message).map(snakeCase);
  return new Set(names).size === names.length;
}

/** The user's turns alone; a turn in the model's name, or in no one's, would be an instruction. */
function contentAct(content: JsonObject): Act {
  const turns = field(content, 'turns');
  const list = asArray(turns) ?? (turns === undefined ? [] : [turns]);
  const isUsers = list.every(
    (turn) => asText(field(turn, 'role')) === 'user' && isOneName(asObject(turn) ?? {}),
  );
  return isUsers && hasOnly(content, inBothCases(CONTENT)) ? 'speak' : 'configure';
}

/** A message says one thing; what says several at once is not certain. */
function messageAct(message: JsonObject): Act {
  const [first, ...more] = Object.entries(message);
  if (first === undefined || more.length > 0) return 'unknown';
  const [name, value] = first;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'unknown';
  // Array.isArray does not narrow readonly arrays away.
  const body = value as JsonObject;
  if (!isOneName(body)) return 'unknown';
  switch (snakeCase(name)) {
    case 'realtime_input':
      return hasOnly(body, inBothCases(REALTIME)) ? 'speak' : 'unknown';
    case 'client_content':
      return contentAct(body);
    case 'tool_response':
      return 'answer';
    case 'setup':
    case 'context_update':
      return 'configure';
    default:
      return 'unknown';
  }
}

export const geminiActs: ReadAct = readActs({
  plain: {
    head: '{"realtimeInput":{"audio":{"data":"',
    tail: /","mimeType":"audio\/pcm(?:;rate=[0-9]{1,6})?"\}\}\}$/y,
  },
  object: messageAct,
  binaryObjects: true,
});
