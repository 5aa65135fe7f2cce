/**
 * Frames of Gemini Live. Google sends JSON in BINARY frames, every one of them; clients send it as text. Names are camelCase;
 * a server of proto3 JSON takes snake_case too, and hand-written clients send it.
 */
import { asObject, type JsonObject, type JsonValue, member, parseJson } from '../protocol/json.ts';
import type { Payload } from './adapter.ts';
import { base64Bytes, bytesPerMs } from './audio-format.ts';

/** Rates where a MIME type names none. */
export const INPUT_RATE = 16_000;
export const OUTPUT_RATE = 24_000;

/** The message, or undefined for a frame that is none. */
export function messageOf(payload: Payload): JsonObject | undefined {
  return asObject(parseJson(typeof payload === 'string' ? payload : new TextDecoder().decode(payload)));
}

/** A frame as Google sends one. */
export function serverFrame(message: JsonObject): ArrayBuffer {
  // A copy, so that the ArrayBuffer holds these bytes and no others.
  return new Uint8Array(new TextEncoder().encode(JSON.stringify(message))).buffer;
}

/** A member that a client may have written in either case. */
export function field(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return member(value, name) ?? member(value, snakeCase(name));
}

export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Seconds of proto3 JSON, such as "9.5s", in ms. */
export function durationMs(text: string | undefined): number | undefined {
  const seconds = /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(text ?? '')?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

/**
 * Size and length of base64 sound by its MIME type, such as `audio/pcm;rate=16000`. `ms` is null for other encodings than
 * 16-bit PCM, and where neither the type nor `defaultRate` tells the rate.
 */
export function soundOf(
  mimeType: string,
  base64: string,
  defaultRate: number | null,
): { readonly bytes: number; readonly ms: number | null } {
  const bytes = base64Bytes(base64);
  const rate = mimeParameter(mimeType, 'rate') ?? defaultRate;
  if (rate === null || !/^audio\/(pcm|l16)\b/i.test(mimeType)) return { bytes, ms: null };
  return { bytes, ms: bytes / bytesPerMs('pcm16', rate) / (mimeParameter(mimeType, 'channels') ?? 1) };
}

/** A number in a MIME type's parameters. */
export function mimeParameter(mimeType: string, name: string): number | undefined {
  const value = new RegExp(`;\\s*${name}=(\\d{1,6})\\b`, 'i').exec(mimeType)?.[1];
  return value === undefined || Number(value) === 0 ? undefined : Number(value);
}
