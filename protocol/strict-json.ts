/**
 * JSON that every reader understands alike. Parsers differ in what they make of a key that comes twice, or twice but for
 * its case: whoever decides by what a frame says must not decide by a reading that its receiver does not share.
 */
import { asObject, type JsonObject, type JsonValue, parseJson } from './json.ts';

const COLON_NEXT = /[ \t\n\r]*:/y;

/** The object in `text`; undefined when it is none, or when a key comes twice in any object of it. */
export function strictObject(text: string): JsonObject | undefined {
  const object = asObject(parseJson(text));
  if (object === undefined) return undefined;
  const keys = distinctKeys(object);
  return keys !== null && keys === keysIn(text) ? object : undefined;
}

/** How many keys there are, however deep; null when two of one object differ by nothing but their case. Does not recurse. */
function distinctKeys(root: JsonValue): number | null {
  let count = 0;
  const waiting: JsonValue[] = [root];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    const isList = Array.isArray(value);
    const entries = Object.entries(value as JsonObject);
    if (!isList && new Set(entries.map(([key]) => key.toLowerCase())).size < entries.length) return null;
    if (!isList) count += entries.length;
    for (const [, each] of entries) waiting.push(each);
  }
  return count;
}

/** How often a string stands before a colon. `text` is JSON. */
function keysIn(text: string): number {
  let count = 0;
  for (let start = text.indexOf('"'); start !== -1; start = text.indexOf('"', start)) {
    let end = text.indexOf('"', start + 1);
    while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
    start = end + 1;
    COLON_NEXT.lastIndex = start;
    if (COLON_NEXT.test(text)) count += 1;
  }
  return count;
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = quote;
  while (text[backslashes - 1] === '\\') backslashes -= 1;
  return (quote - backslashes) % 2 === 1;
}

const BRACKETS: readonly number[] = [0x7b, 0x5b];
const BOM = [0xef, 0xbb, 0xbf];
const SPACES: readonly number[] = [0x20, 0x09, 0x0a, 0x0d];

/** The text of a binary frame that somebody may read as JSON; null for any other, which is sound or the like. */
export function objectText(payload: ArrayBuffer): string | null {
  const bytes = new Uint8Array(payload);
  const start = BOM.every((byte, at) => bytes[at] === byte) ? BOM.length : 0;
  if (!BRACKETS.includes(bytes[afterSpace(bytes, start)] ?? 0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Not UTF-8: what began like an object by chance is no text.
    return null;
  }
}

function afterSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (SPACES.includes(bytes[at] ?? 0)) at += 1;
  return at;
}
