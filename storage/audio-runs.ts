/** Stretches of the log in which nothing but sound was relayed, each as one item. */
import type { Direction } from '../protocol/segment.ts';
import type { LogFrame, LogItem } from './frame-log.ts';

export interface Sound {
  /** Decoded. */
  readonly bytes: number;
  /** Null: of a format that is not known. */
  readonly ms: number | null;
}

/** The sound in a frame, or null when it carries none, or something else too. Asked of each frame once, in order. */
export type SoundOf = (frame: LogFrame) => Sound | null;

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
}

/** @param isWanted frames that are not, are left out, and end no run */
export async function* foldAudio(
  items: AsyncGenerator<LogItem>,
  isWanted: (frame: LogFrame) => boolean,
  soundOf: SoundOf,
): AsyncGenerator<LogItem | AudioRun> {
  let run: AudioRun | null = null;
  for await (const item of items) {
    const sound = item.kind === 'frame' ? soundOf(item) : null;
    if (item.kind === 'frame' && !isWanted(item)) continue;
    if (item.kind === 'frame' && sound !== null) {
      run = extended(run, item, sound);
      continue;
    }
    if (run !== null) yield run;
    run = null;
    yield item;
  }
  if (run !== null) yield run;
}

function extended(before: AudioRun | null, { seq, entry, payload }: LogFrame, sound: Sound): AudioRun {
  const run = before ?? { kind: 'audio', seq, toSeq: seq, at: entry.at, until: entry.at, streams: [] };
  run.toSeq = seq;
  run.until = entry.at;
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
