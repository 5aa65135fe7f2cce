/** Stretches of the log in which nothing but sound was relayed, each as one item. */
import type { Direction } from '../protocol/segment.ts';
import type { LogFrame, LogItem } from './frame-log.ts';

export interface Sound {
  /** Decoded. */
  readonly bytes: number;
  /** Null: of a format that is not known. */
  readonly ms: number | null;
}

/** How far somebody has listened, and what was known there: who goes on from it has no need of what came before. */
export interface HeardPlace {
  /** The last frame that was heard; 0: none. */
  readonly seq: number;
}

/** Is told all frames in their order, each once: formats are set in earlier ones. */
export interface Listener {
  /** The sound in a frame, or null when it carries none, or something else too. */
  hear(frame: LogFrame): Sound | null;
  readonly place: HeardPlace;
  /** An event is over that ends where this was: a page may end there too. */
  passed(place: HeardPlace): void;
}

interface AudioStream {
  readonly direction: Direction;
  readonly client: number;
  frames: number;
  /** Of the frames as they are logged. */
  bytes: number;
  audioBytes: number;
  ms: number | null;
}

/** All frames from `seq` to `toSeq` that were asked for. Both directions are in one run: they go on at the same time. */
export interface AudioRun {
  readonly kind: 'audio';
  readonly seq: number;
  toSeq: number;
  readonly at: number;
  until: number;
  readonly streams: AudioStream[];
  /** After the frame `toSeq`. */
  heard: HeardPlace;
}

/** @param isWanted frames that are not, are left out, and end no run */
export async function* foldAudio(
  items: AsyncGenerator<LogItem>,
  isWanted: (frame: LogFrame) => boolean,
  listener: Listener,
): AsyncGenerator<LogItem | AudioRun> {
  let run: AudioRun | null = null;
  for await (const item of items) {
    const sound = item.kind === 'frame' ? listener.hear(item) : null;
    if (item.kind === 'frame' && !isWanted(item)) continue;
    const { place } = listener;
    if (item.kind === 'frame' && sound !== null) {
      run = extended(run, item, sound, place);
      continue;
    }
    if (run !== null) yield* ended(run, listener);
    run = null;
    listener.passed(place);
    yield item;
  }
  if (run !== null) yield* ended(run, listener);
}

function* ended(run: AudioRun, listener: Listener): Generator<AudioRun> {
  listener.passed(run.heard);
  yield run;
}

function extended(
  before: AudioRun | null,
  { seq, entry, payload }: LogFrame,
  sound: Sound,
  heard: HeardPlace,
): AudioRun {
  const { at } = entry;
  const run = before ?? { kind: 'audio', seq, toSeq: seq, at, until: at, streams: [], heard };
  run.toSeq = seq;
  run.until = at;
  run.heard = heard;
  let stream = run.streams.find(
    ({ direction, client }) => direction === entry.direction && client === entry.client,
  );
  if (stream === undefined) {
    stream = { direction: entry.direction, client: entry.client, frames: 0, bytes: 0, audioBytes: 0, ms: 0 };
    run.streams.push(stream);
  }
  stream.frames += 1;
  stream.bytes += payload?.length ?? entry.length;
  stream.audioBytes += sound.bytes;
  stream.ms = stream.ms === null || sound.ms === null ? null : stream.ms + sound.ms;
  return run;
}
