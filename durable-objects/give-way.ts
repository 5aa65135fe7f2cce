/** Long work on a log, in slices so short that nobody who talks on the same thread notices. */
import type { LogAccess } from '../storage/frame-log.ts';
import type { GiveWay } from '../storage/give-way.ts';
import { unpack } from './segment-codec.ts';

/** What a quarter of a millisecond reads (measured 2026-11-25: 128 KiB of OpenAI's audio events a millisecond). */
const SLICE_BYTES = 32 * 1024;
/**
 * While somebody talks, with the rest after it: about 3 MiB of log a second. It is not the slices that they would notice
 * more of, but what these leave to the garbage collector, whose pauses are of 2 to 20 ms.
 */
const SHORT_SLICE_BYTES = 8 * 1024;
const REST_MS = 2;
/** What a frame costs whatever its length. */
const FRAME_BYTES = 256;
/** Sessions tell of their frames in batches, this often or more. */
const TALK_LASTS_MS = 1000;

let talkedAt = 0;

/** A frame passed in this isolate: on plain workerd all objects of a Worker share one (measured 2026-10-23). */
export function someoneTalks(): void {
  talkedAt = Date.now();
}

/** For one reader: each counts its own slices. */
export function logAccess(): LogAccess {
  return { unpack, giveWay: givingWay() };
}

export function givingWay(): GiveWay {
  let done = 0;
  return (bytes) => {
    done += bytes + FRAME_BYTES;
    const somebodyTalks = Date.now() - talkedAt < TALK_LASTS_MS;
    if (done < (somebodyTalks ? SHORT_SLICE_BYTES : SLICE_BYTES)) return null;
    done = 0;
    return turn(somebodyTalks ? REST_MS : 0);
  };
}

/**
 * The runtime looks at its sockets before it comes to a timer, if only one of 0 ms (measured 2026-11-25, workerd 1.20261117.1:
 * 15 µs a turn; what came meanwhile waits for one slice).
 */
function turn(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
