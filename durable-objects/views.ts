/** What a session's record can be read as: one row each. Views answer in the recorder, where the log is. */
import { eventsResponse } from './event-stream.ts';
import { pageResponse } from './log-page.ts';
import { digestResponse } from './digest-view.ts';
import { harResponse } from './har-view.ts';
import type { Reading } from './reading.ts';
import { replayResponse } from './replay.ts';
import { peaksResponse, wavResponse } from './sound-views.ts';

type View = (reading: Reading) => Response | Promise<Response>;

const VIEWS = {
  events: eventsResponse,
  'audio.wav': wavResponse,
  peaks: peaksResponse,
  replay: replayResponse,
  'log-page': pageResponse,
  har: harResponse,
  digest: digestResponse,
} as const satisfies Readonly<Record<string, View>>;

export type ViewName = keyof typeof VIEWS;

/** The recorder's answer, once what was in the session's memory is stored. 404: there is no session, or not when it would begin. */
export async function viewResponse(
  request: Request,
  record: Omit<Reading, 'request' | 'query'>,
): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const name = pathname.slice(1);
  if (!isView(name) || !record.store.exists()) return new Response(null, { status: 404 });
  const { life } = record.store;
  try {
    return await VIEWS[name]({ request, query: searchParams, ...record });
  } catch (error) {
    if (record.store.life === life) throw error;
    return new Response(null, { status: 404 });
  }
}

function isView(name: string): name is ViewName {
  return Object.hasOwn(VIEWS, name);
}
