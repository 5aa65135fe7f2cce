/** `GET …/sessions/{id}/export.har` and `export.zip`: a whole session as a file. */
import { makeZip } from 'client-zip';
import { version } from '../package.json';
import { BrokerError } from '../protocol/errors.ts';
import { getAudio } from './audio.ts';
import { getDigest } from './digest.ts';
import { getEvents } from './events.ts';
import { readView } from './read-view.ts';
import type { RouteContext } from './routes.ts';
import { viewOf } from './session-record.ts';
import { getSession } from './sessions.ts';
import { getTranscript } from './transcript.ts';

export async function getHar(context: RouteContext): Promise<Response> {
  const known = context.request.headers.get('if-none-match');
  const headers = new Headers(known === null ? {} : { 'if-none-match': known });
  const response = await readView(context, 'har', { url: await socketUrl(context), version }, { headers });
  return attached(response, context, 'har');
}

/** Where a client of this session connects: what it sent besides is not recorded. */
async function socketUrl(context: RouteContext): Promise<string> {
  const view = await viewOf(context);
  const { address, provider, path, model } = view.opening;
  const url = new URL(context.request.url);
  url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
  const steps = [address.account, address.gateway, provider, ...(path ?? '').split('/')].filter(
    (step) => step !== '',
  );
  url.pathname = `/v1/${steps.map(encodeURIComponent).join('/')}`;
  url.search = '';
  if (model !== null) url.searchParams.set('model', model);
  return url.href;
}

type Part = readonly [name: string, read: (context: RouteContext) => Promise<Response>];

const suffixed =
  (suffix: string, read: Part[1]): Part[1] =>
  (context) =>
    read({ ...context, suffix });

const PARTS: readonly Part[] = [
  ['session.json', suffixed('json', getSession)],
  // Before the events: of a live session they have at least the frames that it is over.
  ['digest.json', suffixed('json', getDigest)],
  ['events.ndjson', suffixed('ndjson', getEvents)],
  ['transcript.vtt', suffixed('vtt', getTranscript)],
  ['transcript.md', suffixed('md', getTranscript)],
  ['session.har', getHar],
  ['audio.wav', getAudio],
];

const README = `A session as Parley recorded it.

session.json     the session with its totals, turns, clients and cost (GET …/sessions/{id})
digest.json      a SHA-256 over the frames in events.ndjson up to its last_seq (GET …/digest); docs/RECORD.md says how to recompute it
events.ndjson    every frame, one JSON object a line (GET …/events)
transcript.vtt   what was said, as subtitles; transcript.md the same to read
session.har      every frame for a browser's developer tools (network panel, import HAR)
audio.wav        left what the users said, right what was played of the model; absent where nothing can be decoded
missing.txt      what could not be had, and why; absent where nothing is missing
`;

/** One part after the other, each as it is read: nothing of it is kept. */
export async function getZip(context: RouteContext): Promise<Response> {
  // A session that is not there is a 404, not an empty archive.
  await viewOf(context);
  const body = context.request.method === 'HEAD' ? null : makeZip(partsOf(context));
  const response = new Response(body, {
    headers: {
      'content-type': 'application/zip',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  });
  return attached(response, context, 'zip');
}

async function* partsOf(context: RouteContext) {
  const missing: string[] = [];
  // Without the headers of this request: a part is not asked for by its tag, or by its own kind.
  const plain = { ...context, request: new Request(context.request.url) };
  yield { name: 'README.txt', input: README };
  for (const [name, read] of PARTS) {
    const response = await read(plain).catch((error: unknown) => error);
    // Deleted meanwhile: the archive breaks off, or what is in it would be taken for all.
    if (response instanceof BrokerError && response.public.code === 'session_not_found') throw response;
    if (response instanceof Response && response.ok) {
      yield { name, input: response.body === null ? '' : pieces(response.body) };
      continue;
    }
    missing.push(`${name}: ${await reasonOf(response)}`);
  }
  if (missing.length > 0) yield { name: 'missing.txt', input: `${missing.join('\n')}\n` };
}

const PIECE_BYTES = 65_536;

/**
 * What a stream holds, in large pieces where it can: by default the runtime hands over little at a time, and an hour of voice
 * takes twice as long (measured 2026-11-25, workerd 1.20261117.1).
 */
async function* pieces(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = byobReader(stream);
  if (reader === null) return yield* stream;
  try {
    for (;;) {
      const { value, done } = await reader.read(new Uint8Array(PIECE_BYTES));
      if (done) return;
      yield value;
    }
  } finally {
    // Of no effect at its end; before that, whoever makes it need not go on.
    await reader.cancel();
  }
}

/** Null: it is no stream of bytes. */
function byobReader(stream: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | null {
  try {
    return stream.getReader({ mode: 'byob' });
  } catch {
    return null;
  }
}

/** Why a part cannot be had: what asking for it alone would answer. */
async function reasonOf(answer: unknown): Promise<string> {
  if (answer instanceof BrokerError) return answer.message;
  if (!(answer instanceof Response)) return 'it could not be read';
  const text = await answer.text();
  return `HTTP ${answer.status} ${text}`.trim();
}

/** Saved under the session's name. */
function attached(response: Response, { session }: RouteContext, suffix: string): Response {
  const headers = new Headers(response.headers);
  headers.set('content-disposition', `attachment; filename="${session}.${suffix}"`);
  return new Response(response.body, { status: response.status, headers });
}
