/** A session's sound as HTTP answers: a WAV file, of which any range is computed when it is asked for, and its outline. */
import { readRange } from '../protocol/byte-range.ts';
import { isKnown } from '../protocol/entity-tag.ts';
import { type ErrorCode, publicError } from '../protocol/errors.ts';
import { refuse } from '../protocol/refusal.ts';
import { LIMITS } from '../session/limits.ts';
import { peaksOf } from '../sound/peaks.ts';
import type { Channel, Renderer } from '../sound/renderer.ts';
import type { SoundIndex } from '../sound/sound-index.ts';
import { wavBytes, type WavShape, wavShape } from '../sound/wav.ts';
import type { SessionStore, SessionView } from '../storage/session-store.ts';
import { logLine } from './log-line.ts';
import { renderer, type SessionSound, soundOf } from './session-sound.ts';
import type { Reading } from './reading.ts';

const BOTH: readonly Channel[] = ['left', 'right'];

/** Raised whenever the same log would give other bytes: caches hold the old ones. */
const RENDERING = 1;

interface Opened {
  readonly view: SessionView;
  readonly channels: readonly Channel[];
  /** Null while the session lives: what it has grows. */
  readonly etag: string | null;
}

/** GET and HEAD of `audio.wav`. A live session gives what there is so far, as a whole. */
export async function wavResponse({ request, query, store, env }: Reading): Promise<Response> {
  const opened = open(store, query);
  if (isKnown(request.headers.get('if-none-match'), opened.etag))
    return new Response(null, { status: 304, headers: cacheHeaders(opened) });
  const sound = await soundOf(store, opened.view, env);
  const shape = shapeOf(sound, opened);
  if (shape instanceof Response) return shape;
  const { etag } = opened;
  const ifRange = request.headers.get('if-range');
  const isFixed = etag !== null && (ifRange === null || ifRange === etag);
  const range = readRange(isFixed ? request.headers.get('range') : null, shape.bytes);
  if (range.kind === 'unsatisfiable')
    return failed(
      'range_not_satisfiable',
      { bytes: String(shape.bytes) },
      { 'content-range': `bytes */${shape.bytes}` },
    );
  const { from, to } = range.kind === 'part' ? range : { from: 0, to: shape.bytes };
  const headers = new Headers({
    ...cacheHeaders(opened),
    ...notes(sound.index),
    'content-type': 'audio/wav',
    'content-length': String(to - from),
    'content-disposition': `inline; filename="${opened.view.opening.address.id}.wav"`,
    'accept-ranges': etag === null ? 'none' : 'bytes',
  });
  if (range.kind === 'part') headers.set('content-range', `bytes ${from}-${to - 1}/${shape.bytes}`);
  const status = range.kind === 'part' ? 206 : 200;
  if (request.method === 'HEAD') return new Response(null, { status, headers });
  const place = takePlace(store);
  if (place === null)
    return failed('audio_busy', { most: String(LIMITS.soundReads) }, { 'retry-after': '1' });
  const body = streamed(renderer(sound, shape.rate), shape, from, to, place);
  return new Response(body, { status, headers });
}

/** GET of `peaks`. */
export async function peaksResponse({ request, query, store, env }: Reading): Promise<Response> {
  const opened = open(store, query);
  if (isKnown(request.headers.get('if-none-match'), opened.etag))
    return new Response(null, { status: 304, headers: cacheHeaders(opened) });
  const sound = await soundOf(store, opened.view, env);
  const shape = shapeOf(sound, opened);
  if (shape instanceof Response) return shape;
  const asked = samplesPerPixel(query, shape);
  if (asked instanceof Response) return asked;
  const place = takePlace(store);
  if (place === null)
    return failed('audio_busy', { most: String(LIMITS.soundReads) }, { 'retry-after': '1' });
  try {
    const bits = query.get('bits') === '16' ? 16 : 8;
    const peaks = await peaksOf(renderer(sound, shape.rate), shape, asked, bits);
    return Response.json(peaks, { headers: { ...cacheHeaders(opened), ...notes(sound.index) } });
  } finally {
    place();
  }
}

function open(store: SessionStore, query: URLSearchParams): Opened {
  const view = store.view();
  // The dispatcher of views looked.
  if (view === null) throw new Error('there is no session here');
  const channel = query.get('channel');
  const channels: readonly Channel[] = channel === 'left' || channel === 'right' ? [channel] : BOTH;
  const { opening, ending, lastSeq } = view;
  // What else shapes the answer is in the query, and so in the URL that a cache goes by.
  const etag =
    ending === null ? null : `"${opening.startedAt.toString(36)}-${lastSeq.toString(36)}-${RENDERING}"`;
  return { view, channels, etag };
}

/** Private, and asked for again each time: a session may have been deleted since. */
function cacheHeaders({ etag }: Opened): Record<string, string> {
  return etag === null ? {} : { etag, 'cache-control': 'private, no-cache' };
}

/** What is not in the answer. Names of formats come from clients. */
function notes({ unheard, withoutContent, damaged }: SoundIndex): Record<string, string> {
  const headers: Record<string, string> = {};
  if (unheard.length > 0) headers['parley-audio-undecodable'] = named(unheard);
  if (withoutContent > 0) headers['parley-audio-frames-without-content'] = String(withoutContent);
  if (damaged > 0) headers['parley-audio-damaged-segments'] = String(damaged);
  return headers;
}

function named(unheard: SoundIndex['unheard']): string {
  return unheard
    .map(({ speaker, format, pieces }) => `${speaker} ${format.replace(/[^\w./+ -]/g, '_')} (${pieces})`)
    .join(', ');
}

function shapeOf({ index }: SessionSound, { channels, view }: Opened): WavShape | Response {
  if (index.rate === null && index.unheard.length > 0)
    return failed('audio_undecodable', { formats: named(index.unheard) });
  if (index.rate === null) return failed('no_audio', { why: silentBecause(index, view) });
  return wavShape(index, channels) ?? failed('audio_too_long', {});
}

function silentBecause({ withoutContent, damaged }: SoundIndex, { opening }: SessionView): string {
  if (opening.log === 'none') return "its log mode is 'none', so none of its frames were stored";
  if (withoutContent > 0)
    return `its log mode is '${opening.log}', so its frames were stored without their content`;
  return damaged > 0 ? 'its log is damaged' : 'none of its frames carried sound';
}

function samplesPerPixel(query: URLSearchParams, { samples }: WavShape): number | Response {
  const least = Math.max(1, Math.ceil(samples / LIMITS.peaksPixels));
  const pixels = query.get('pixels');
  if (pixels !== null) return Math.max(1, Math.ceil(samples / Number(pixels)));
  const asked = query.get('samples_per_pixel');
  if (asked === null) return Math.max(DEFAULT_SAMPLES_PER_PIXEL, least);
  if (Number(asked) >= least) return Number(asked);
  return failed('invalid_request', {
    problem: `samples_per_pixel must be ${least} or more for this session: an answer has at most ${LIMITS.peaksPixels} pixels`,
  });
}

/** audiowaveform's own. */
const DEFAULT_SAMPLES_PER_PIXEL = 256;

function failed(
  code: ErrorCode,
  values: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return refuse(publicError(code, values), headers);
}

/** Answers under way in this recorder: each holds some of the sound in memory. */
const under = new WeakMap<SessionStore, number>();

/** Null: there are too many. */
function takePlace(store: SessionStore): (() => void) | null {
  const count = under.get(store) ?? 0;
  if (count >= LIMITS.soundReads) return null;
  under.set(store, count + 1);
  return () => under.set(store, (under.get(store) ?? 1) - 1);
}

/** A stream of known length, or there would be no Content-Length; no faster than it is read. */
function streamed(
  renderer: Renderer,
  shape: WavShape,
  from: number,
  to: number,
  done: () => void,
): ReadableStream<Uint8Array> {
  const { readable, writable } = new FixedLengthStream(to - from);
  void pour(wavBytes(renderer, shape, from, to), writable).finally(done);
  return readable;
}

async function pour(parts: AsyncGenerator<Uint8Array>, writable: WritableStream<Uint8Array>): Promise<void> {
  const writer = writable.getWriter();
  try {
    // Each is taken before the next is made, in the same memory.
    for await (const part of parts) await writer.write(part);
    await writer.close();
  } catch (error) {
    // Who asked has gone, or the log could not be read: the length that was promised shows that it is not all.
    logLine('info', 'audio_cut_short', { detail: String(error) });
    await writer.abort(error).catch(() => undefined);
  }
}
