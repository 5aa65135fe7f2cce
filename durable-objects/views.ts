/** What a session's record can be read as: one row each. Views answer in the recorder, where the log is. */
import type { SessionStore } from '../storage/session-store.ts';
import type { Changes } from './changes.ts';
import type { Env } from './environment.ts';
import { eventsResponse } from './event-stream.ts';
import { peaksResponse, wavResponse } from './sound-views.ts';
import { pageResponse } from './log-page.ts';
import { replayResponse } from './replay.ts';

/** A record, and what its reader asks of it. */
export interface Reading {
  /** Of the edge, which checked it: `headers` and the query are what the edge put there, and no credential is among them. */
  readonly request: Request;
  readonly query: URLSearchParams;
  readonly store: SessionStore;
  readonly env: Env;
  /** For views that follow a live session. */
  readonly changes: Changes;
}

type View = (reading: Reading) => Response | Promise<Response>;

const VIEWS = {
  events: ({ store, query }) => eventsResponse(store, query),
  'audio.wav': wavResponse,
  peaks: peaksResponse,
  replay: replayResponse,
  'log-page': pageResponse,
} as const satisfies Readonly<Record<string, View>>;

export type ViewName = keyof typeof VIEWS;

/** The recorder's answer. The session exists, and what was in its memory is stored. */
export function viewResponse(
  request: Request,
  record: Omit<Reading, 'request' | 'query'>,
): Response | Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const name = pathname.slice(1);
  if (!isView(name)) return new Response(null, { status: 404 });
  return VIEWS[name]({ request, query: searchParams, ...record });
}

function isView(name: string): name is ViewName {
  return Object.hasOwn(VIEWS, name);
}
