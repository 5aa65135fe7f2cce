/** What a soak may not find in a log: a frame that is missing, doubled, reordered or altered where no gap says so. Pure. */
import { createHash } from 'node:crypto';
import { digestHead } from '../../protocol/log-digest.ts';
import { readFrame, Sequence } from './checker.ts';

export interface LoggedSoakEvent {
  readonly kind: 'frame' | 'gap' | 'corrupt';
  readonly seq: number;
  readonly direction?: 'up' | 'down';
  readonly text?: string;
}

/** @param received the number of the last frame that the session's client has had */
export function logProblems(
  name: string,
  events: readonly LoggedSoakEvent[],
  received: number,
): readonly string[] {
  const log = new Sequence(`${name} log, entry`);
  const frames = { up: new Sequence(`${name} log, up`), down: new Sequence(`${name} log, down`) };
  // A session that had to begin anew begins where the talk is by then.
  frames.down.declareLoss();
  let last = 0;
  for (const { kind, seq, direction, text = '' } of events) {
    if (kind === 'gap') {
      log.declareLoss();
      frames.down.declareLoss();
    } else if (kind === 'corrupt' || direction === undefined) {
      return [`${name}: entry ${seq} of its log cannot be read`];
    } else {
      log.take(seq);
      // What a client sent into a connection that was cut reached nobody, and no gap can say so.
      frames.up.declareLoss();
      const n = readFrame(direction, text);
      if (n !== null) frames[direction].take(n);
      if (n !== null && direction === 'down') last = n;
    }
  }
  const behind =
    last < received ? [`${name}: its log ends at ${last}, and its client has had ${received}`] : [];
  return [...log.problems, ...frames.up.problems, ...frames.down.problems, ...behind];
}

/** Of a log in which every frame is text and there whole. */
export function digestOf(events: readonly LoggedSoakEvent[]): string {
  const hash = createHash('sha256');
  for (const { kind, seq, direction, text = '' } of events) {
    if (kind !== 'frame' || direction === undefined) continue;
    hash.update(digestHead({ seq, direction, opcode: 'text', bytes: Buffer.byteLength(text) })).update(text);
  }
  return hash.digest('hex');
}
