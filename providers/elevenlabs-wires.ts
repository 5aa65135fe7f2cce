/** ElevenLabs speaks a wire of its own for each product; the path says which. */
import type { Target } from './adapter.ts';

/** `stream` and `multi`: text-to-speech with one context and with several. */
export type Wire = 'stream' | 'multi' | 'dialogue' | 'transcription' | 'agent';

export const AGENT_PATH = 'v1/convai/conversation';

const PATHS: readonly (readonly [RegExp, Wire])[] = [
  [/^v1\/text-to-speech\/[^/]+\/stream-input$/, 'stream'],
  [/^v1\/text-to-speech\/[^/]+\/multi-stream-input$/, 'multi'],
  [/^v1\/text-to-dialogue\/(?:multi-)?stream-input$/, 'dialogue'],
  [/^v1\/speech-to-text\/realtime$/, 'transcription'],
  [/^v1\/convai\/conversation$/, 'agent'],
];

/** Both spellings are in use: the second is the older one. */
const SIGNED_URL_PATHS = [`${AGENT_PATH}/get-signed-url`, `${AGENT_PATH}/get_signed_url`];

export function queryValue(query: Target['query'], name: string): string | null {
  return query.find(([each]) => each === name)?.[1] ?? null;
}

export function isSignedUrlPath(path: string): boolean {
  return SIGNED_URL_PATHS.includes(path);
}

/** The provider's own path. The short form of Cloudflare's gateway says by its query what it is for; null: it does not. */
export function nativePath({ path, query }: Target): string | null {
  if (path !== '') return path;
  const voice = queryValue(query, 'voice_id');
  if (queryValue(query, 'agent_id') !== null) return AGENT_PATH;
  return voice === null ? null : `v1/text-to-speech/${encodeURIComponent(voice)}/stream-input`;
}

/** Null for a path that is no socket of ElevenLabs. */
export function wireOf(target: Target): Wire | null {
  const path = nativePath(target);
  return path === null ? null : (PATHS.find(([pattern]) => pattern.test(path))?.[1] ?? null);
}

/**
 * What a request names as its model. An agent brings its own models, so it stands for them: tokens are limited to it, and
 * lists are filtered by it. `model` is no parameter of ElevenLabs; it only asks for the simulator.
 */
export function modelOf(target: Target): string | null {
  const asked = queryValue(target.query, 'model');
  if (asked?.startsWith('sim-') === true) return asked;
  return wireOf(target) === 'agent' || isSignedUrlPath(target.path)
    ? queryValue(target.query, 'agent_id')
    : queryValue(target.query, 'model_id');
}

/** What goes up of a query: all but what only the gateway understands. */
export function nativeQuery({ path, query }: Target): Target['query'] {
  const isShort = path === '';
  return query.filter(([name]) => name !== 'model' && !(isShort && name === 'voice_id'));
}
