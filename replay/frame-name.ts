/** What a frame is called, by which a recorded one and one of now are taken for the same. */
import { asObject, asText, parseJson } from '../protocol/json.ts';
import type { Payload } from '../protocol/connect.ts';

/** Everything that carries a piece of the user's audio, whatever its form. */
export const AUDIO = 'audio';
const BINARY = 'binary';
const TEXT = 'text';

const NAME_MAX_CHARACTERS = 64;

/**
 * Of JSON its `type`, else its first key: Gemini, Cartesia and ElevenLabs name their messages so. SDKs write that key in
 * snake case or in camel case, and providers take both.
 *
 * @param isAudio whether a frame is a piece of the user's audio
 */
export function frameName(payload: Payload, isAudio: (payload: Payload) => boolean): string {
  if (isAudio(payload)) return AUDIO;
  if (typeof payload !== 'string') return BINARY;
  const object = payload.trimStart().startsWith('{') ? asObject(parseJson(payload)) : undefined;
  if (object === undefined) return TEXT;
  const name = asText(object['type']) ?? Object.keys(object)[0]?.replace(/_(\w)/g, camel) ?? TEXT;
  return name.slice(0, NAME_MAX_CHARACTERS);
}

function camel(_whole: string, letter: string): string {
  return letter.toUpperCase();
}
