/** REST over a session's sound: the file, and its outline. */
import { AudioQuery, PeaksQuery } from '../protocol/audio-shapes.ts';
import { parseQuery } from './read-request.ts';
import { readView } from './read-view.ts';
import type { RouteContext } from './routes.ts';

/** What decides which bytes are wanted; no credential is among them. */
const PASSED_ON = ['range', 'if-range', 'if-none-match'];

export async function getAudio(context: RouteContext): Promise<Response> {
  return read(context, 'audio.wav', parseQuery(AudioQuery, parametersOf(context)));
}

export async function getPeaks(context: RouteContext): Promise<Response> {
  return read(context, 'peaks', parseQuery(PeaksQuery, parametersOf(context)));
}

function parametersOf({ request }: RouteContext): [string, string][] {
  return [...new URL(request.url).searchParams];
}

async function read(
  context: RouteContext,
  view: 'audio.wav' | 'peaks',
  query: Readonly<Record<string, string | number | undefined>>,
): Promise<Response> {
  const { method, headers: asked } = context.request;
  const headers = new Headers();
  for (const name of PASSED_ON) {
    const value = asked.get(name);
    if (value !== null) headers.set(name, value);
  }
  return readView(context, view, query, { method, headers });
}
