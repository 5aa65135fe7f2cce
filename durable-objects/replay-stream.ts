/** A replay as server-sent events: every event of the log, both directions, when it is due. */
import { play, type Range, type Stage } from '../replay/play.ts';
import { LIMITS } from '../session/limits.ts';
import { logLine } from './log-line.ts';
import type { LoggedMoment } from './replay.ts';
import { whenErased } from './erasure-watch.ts';
import { endEvent } from './event-follow.ts';
import type { Reading } from './reading.ts';

const encoder = new TextEncoder();

export function replayStream(
  events: AsyncIterable<LoggedMoment>,
  range: Range,
  record: Pick<Reading, 'store' | 'changes'>,
  release: () => void,
): Response {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  void run(events, range, record, writable.getWriter()).finally(release);
  return new Response(readable, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } });
}

async function run(
  events: AsyncIterable<LoggedMoment>,
  range: Range,
  record: Pick<Reading, 'store' | 'changes'>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  const stage = new StreamStage(writer);
  void whenErased(
    record,
    () => stage.isOver,
    () => stage.stop(),
  );
  try {
    await stage.write(`retry: ${LIMITS.streamRetryMs}\n\n`);
    await play(events, range, stage).catch((error: unknown) => {
      // The log went away under it, unless that is our own mistake.
      if (record.store.exists()) throw error;
    });
    await stage.write(endEvent(record.store, null));
  } catch (error) {
    if (!stage.isOver) logLine('error', 'replay_failed', { detail: String(error) });
  } finally {
    stage.stop();
    // It may be closed already, by the reader.
    await writer.close().catch(() => undefined);
  }
}

class StreamStage implements Stage<LoggedMoment> {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  /** Ends a wait. One promise for all of them would keep something of each for as long as the replay goes on. */
  #wake: () => void = () => undefined;
  isOver = false;

  constructor(writer: WritableStreamDefaultWriter<Uint8Array>) {
    this.#writer = writer;
    writer.closed.catch(() => this.stop());
  }

  /** The reader has gone, or there is nothing to read any more. */
  stop(): void {
    this.isOver = true;
    this.#wake();
  }

  /** Resolves when the reader has taken what was before; one that takes nothing for long is cut, and rejects. */
  async write(text: string): Promise<void> {
    const stalled = setTimeout(() => {
      this.stop();
      void this.#writer.abort('the reader takes nothing').catch(() => undefined);
    }, LIMITS.stalledMs);
    try {
      await this.#writer.write(encoder.encode(text));
    } finally {
      clearTimeout(stalled);
    }
  }

  now(): number {
    return Date.now();
  }

  async until(at: number): Promise<void> {
    for (let left = at - Date.now(); left > 0 && !this.isOver; left = at - Date.now()) {
      // In whole ms: a timer takes no part of one, and would be set again for what is left.
      await this.#waked(Math.ceil(Math.min(left, LIMITS.streamCommentMs)));
      if (left > LIMITS.streamCommentMs && !this.isOver) await this.write(': \n\n');
    }
  }

  /** Resolves after `ms`, or when it is stopped. */
  #waked(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  partOf(): 'play' {
    return 'play';
  }

  async play({ event }: LoggedMoment): Promise<void> {
    // A gap is told where it is noticed, which may be after later frames: it is no place to go on from.
    const id = event.kind === 'frame' ? `id: ${event.seq}\n` : '';
    await this.write(`${id}data: ${JSON.stringify(event)}\n\n`);
  }

  async meet(): Promise<void> {
    // Nobody is there to meet.
  }
}
