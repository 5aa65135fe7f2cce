/**
 * What a client's frame does, for those who may not do everything. It is asked before a frame goes up, of clients that are
 * not in control; what is not certain is `unknown`, which only they may send.
 */
import type { JsonObject, JsonValue } from '../protocol/json.ts';
import { objectText, strictObject } from '../protocol/strict-json.ts';
import type { Payload } from './adapter.ts';

export type Act =
  /** The user's part of the conversation: sound, text, the wish for an answer, or that it stop. */
  | 'speak'
  /** The result of a tool that the model called. */
  | 'answer'
  /** Changes what the session is, or ends it for everybody. */
  | 'configure'
  /** Says nothing to the model and changes nothing: a keep-alive, a question. */
  | 'attend'
  | 'unknown';

export type ReadAct = (payload: Payload) => Act;

/** Sound in its usual form: `head`, characters of a string, and from its closing quote on `tail`. */
export interface PlainForm {
  readonly head: string;
  /** Sticky, to the end of the frame. */
  readonly tail: RegExp;
}

/** True for exactly such a frame: it needs no parsing, since nothing in it could be read in another way. */
export function isPlain(text: string, { head, tail }: PlainForm): boolean {
  if (!text.startsWith(head) || text.includes('\\', head.length)) return false;
  tail.lastIndex = text.indexOf('"', head.length);
  return tail.lastIndex > 0 && tail.test(text);
}

export interface ActTable {
  readonly plain?: PlainForm;
  /** Of a JSON object whose every key is there once. */
  readonly object: (event: JsonObject) => Act;
  /** Of a text that is no such object. Default: unknown. */
  readonly text?: (text: string) => Act;
  /** Of a binary frame that holds no JSON object, and is not empty. Default: unknown. */
  readonly binary?: Act;
  /** JSON comes in binary frames too. */
  readonly binaryObjects?: true;
}

export function readActs({ plain, object, text, binary, binaryObjects }: ActTable): ReadAct {
  const ofText = (frame: string): Act => {
    if (plain !== undefined && isPlain(frame, plain)) return 'speak';
    const event = strictObject(frame);
    return event === undefined ? (text?.(frame) ?? 'unknown') : object(event);
  };
  return (payload) => {
    if (typeof payload === 'string') return ofText(payload);
    const inside = objectText(payload);
    if (inside !== null) return binaryObjects === true ? ofText(inside) : 'unknown';
    return payload.byteLength === 0 ? 'unknown' : (binary ?? 'unknown');
  };
}

/** Nothing is known of any frame. */
export const UNKNOWN_ACTS: ReadAct = () => 'unknown';

/** By the event's type, a string. */
export function byType(table: ReadonlyMap<string, Act | ((event: JsonObject) => Act)>, name = 'type') {
  return (event: JsonObject): Act => {
    const type = event[name];
    const act = typeof type === 'string' ? table.get(type) : undefined;
    return typeof act === 'function' ? act(event) : (act ?? 'unknown');
  };
}

/** `act`, if the object has no other members; else it is for those in control. */
export function only(members: readonly string[], act: Act): (event: JsonObject) => Act {
  return (event) => (hasOnly(event, members) ? act : 'configure');
}

export function hasOnly(value: JsonValue | undefined, members: readonly string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.keys(value).every((each) => members.includes(each))
  );
}
