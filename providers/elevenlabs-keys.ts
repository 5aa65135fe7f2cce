/**
 * Keys inside frames. A text-to-speech socket takes its key in the first message: `xi-api-key` where there is one
 * context, `xi_api_key` elsewhere, or `authorization`.
 */
import { asObject, asText, type JsonObject, parseJson } from '../protocol/json.ts';
import type { Payload } from './adapter.ts';

const NAMES = ['xi-api-key', 'xi_api_key', 'authorization', 'single_use_token'];
const REDACTED = '[key]';
const OPENING_BRACE = 0x7b;

/** Every client frame passes here, so most must pass without being parsed. A name may be hidden by escapes. */
function mayHoldKey(text: string): boolean {
  return NAMES.some((name) => text.includes(name)) || text.includes('\\u00');
}

/** `up` for the provider, `log` for the record; null when the frame holds no key, and stays the bytes that it is. */
export function withoutKeys(
  payload: Payload,
  isGatewayToken: (text: string) => boolean,
): { readonly up: Payload; readonly log: Payload } | null {
  if (typeof payload === 'string') return withoutKeysInText(payload, isGatewayToken);
  // JSON in a binary frame is none of ElevenLabs' wires, but it would be stored like any other.
  if (new Uint8Array(payload)[0] !== OPENING_BRACE) return null;
  const found = withoutKeysInText(new TextDecoder().decode(payload), isGatewayToken);
  return found === null ? null : { up: encoded(found.up), log: encoded(found.log) };
}

function encoded(text: string): ArrayBuffer {
  return new Uint8Array(new TextEncoder().encode(text)).buffer;
}

function withoutKeysInText(
  text: string,
  isGatewayToken: (text: string) => boolean,
): { readonly up: string; readonly log: string } | null {
  const event = mayHoldKey(text) ? asObject(parseJson(text)) : undefined;
  const found = NAMES.filter((name) => event !== undefined && Object.hasOwn(event, name));
  if (event === undefined || found.length === 0) return null;
  const log = written({ ...event, ...Object.fromEntries(found.map((name) => [name, REDACTED])) }) ?? '{}';
  const ours = found.filter((name) => isGatewayToken(withoutScheme(asText(event[name]) ?? '')));
  return { up: ours.length === 0 ? text : (written(without(event, ours)) ?? '{}'), log };
}

/** Null for an object that is nested deeper than can be written; what was parsed can be. */
export function written(event: JsonObject): string | null {
  try {
    return JSON.stringify(event);
  } catch {
    // RangeError: `JSON.parse` takes any depth, `JSON.stringify` as much as the stack does. No provider reads such a frame.
    return null;
  }
}

export function holdsKey(event: JsonObject): boolean {
  return NAMES.some((name) => Object.hasOwn(event, name));
}

export function withoutKeyNames(event: JsonObject): JsonObject {
  return without(event, NAMES);
}

function without(event: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(event).filter(([name]) => !names.includes(name)));
}

function withoutScheme(value: string): string {
  return value.trim().replace(/^bearer\s+/i, '');
}
