/** Long work on a log, in slices so short that nobody who talks on the same thread notices. */
import type { LogAccess } from '../storage/frame-log.ts';
import type { GiveWay } from '../storage/give-way.ts';
import { unpack } from './segment-codec.ts';

/** What a tenth of a millisecond or two reads (measured 2026-11-25: 128 KiB of OpenAI's audio events a millisecond). */
const SLICE_BYTES = 16 * 1024;
/** What a frame costs whatever its length. */
const FRAME_BYTES = 256;
/**
 * While somebody talks: about 5 MiB of log a second. It is not the slices that they would notice more of, but what these
 * leave to the garbage collector, whose pauses are of 2 to 10 ms, and the other processors of a small machine.
 */
const PAUSE_MS = 2;
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
    if (done < SLICE_BYTES) return null;
    done = 0;
    return turn();
  };
}

/**
 * The runtime looks at its sockets before it comes to a timer, if only one of 0 ms (measured 2026-11-25, workerd 1.20261117.1:
 * 15 µs a turn; what came meanwhile waits for one slice).
 */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, Date.now() - talkedAt < TALK_LASTS_MS ? PAUSE_MS : 0);
  });
}
