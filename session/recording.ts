/**
 * The session's side of the log: numbers frames, packs them, and hands batches to whoever carries them to the recorder.
 * It never waits. When the recorder falls behind, memory is bounded: further frames are counted as a gap, not kept. Once the
 * log is as large as a session's may be, no more frames are kept; records still are.
 */
import type { ConnectPlan } from '../protocol/connect.ts';
import type { Batch, LogRecord, NumberedRecord, Totals } from '../protocol/recording.ts';
import { type LoggedFrame, payloadBytes, type Segment, SegmentWriter } from '../protocol/segment.ts';
import type { Limits } from './limits.ts';
import type { Counters } from './snapshot.ts';

type RecordingLimits = Pick<
  Limits,
  | 'segmentBytes'
  | 'flushBytes'
  | 'recorderCallBytes'
  | 'recorderCallShare'
  | 'recorderBacklogBytes'
  | 'recordsBacklog'
>;

/** Frames that were not kept because the recorder was behind; once it is not, their number is known. */
interface Gap {
  readonly from: number;
  readonly at: number;
  to: number;
  frames: number;
  bytes: number;
}

export type RecordingPlan = Pick<ConnectPlan, 'log' | 'maxLogBytes'>;

export interface Noted {
  readonly seq: number;
  readonly bytes: number;
  /** False when the log could not take it. */
  readonly logged: boolean;
  /** True when the log holds something else in its place. */
  readonly redacted: boolean;
}

export type Numbers = Pick<Counters, 'seq' | 'record' | 'segment' | 'written'>;

const NOTHING: Numbers = { seq: 0, record: 0, segment: 0, written: 0 };

export class Recording {
  readonly #plan: RecordingPlan;
  readonly #limits: RecordingLimits;
  readonly #writer: SegmentWriter;
  #seq: number;
  /** Packed before a gap, or left over from a batch that was too large for one call. */
  #queue: Segment[] = [];
  #queueBytes = 0;
  #records: NumberedRecord[] = [];
  #recordNumber: number;
  #recordsLost = 0;
  #inFlight: Batch | null = null;
  #inFlightBytes = 0;
  #gap: Gap | null = null;
  /** The log has come to its limit: it stays so. */
  #isFull = false;
  #live: Batch['live'] = null;

  /** @param from the numbers to go on from */
  constructor(plan: RecordingPlan, limits: RecordingLimits, from: Numbers = NOTHING) {
    this.#plan = plan;
    this.#limits = limits;
    this.#writer = new SegmentWriter(limits.segmentBytes, from);
    this.#seq = from.seq;
    this.#recordNumber = from.record;
  }

  /** The last ones that were given out. */
  get numbers(): Numbers {
    const { number, written } = this.#writer;
    return { seq: this.#seq, record: this.#recordNumber, segment: number, written };
  }

  get seq(): number {
    return this.#seq;
  }

  /** Numbers a frame and keeps it as the log mode says. */
  frame(frame: LoggedFrame): Noted {
    this.#seq += 1;
    const { log, maxLogBytes } = this.#plan;
    if (log === 'none') {
      return { seq: this.#seq, bytes: payloadBytes(frame.payload), logged: true, redacted: false };
    }
    if (this.#writer.written >= maxLogBytes) return this.#leaveOut(frame);
    if (this.#heldBytes() >= this.#limits.recorderBacklogBytes) return this.#skip(frame);
    if (this.#gap !== null) this.#closeGap(frame.at);
    const bytes = this.#writer.append(this.#seq, frame, log === 'full');
    const redacted = log === 'full' && frame.redacted !== undefined;
    return { seq: this.#seq, bytes, logged: true, redacted };
  }

  record(record: LogRecord): void {
    if (this.#records.length >= this.#limits.recordsBacklog) this.#recordsLost += 1;
    else this.#add(record);
  }

  opened(at: number, dialMs: number): void {
    this.#live = { at, dialMs };
  }

  /** `now`: a batch is due by size. `soon`: there is something to store. */
  get due(): 'now' | 'soon' | 'nothing' {
    if (this.#writer.bytes + this.#queueBytes >= this.#limits.flushBytes) return 'now';
    return this.#isEmpty() ? 'nothing' : 'soon';
  }

  /** True when nothing is left in memory: all was acknowledged by the recorder. */
  get settled(): boolean {
    return this.#inFlight === null && this.#isEmpty();
  }

  /**
   * The next batch, or null when there is nothing, or one is still under way: batches go one at a time, in order.
   * After a failure it is the same batch again.
   *
   * @param totals the sums to store along, null where they are not due
   */
  next(totals: (hasRecords: boolean) => Totals | null, now: number): Batch | null {
    if (this.#inFlight !== null) return null;
    if (this.#recordsLost > 0) this.#tellOfLostRecords(now);
    this.#enqueue();
    const records = this.#records;
    const sums = totals(records.length > 0);
    if (sums === null && this.#isEmpty()) return null;
    this.#records = [];
    this.#inFlight = { segments: this.#takeSegments(), records, totals: sums, live: this.#live };
    this.#live = null;
    return this.#inFlight;
  }

  acknowledged(): void {
    this.#inFlight = null;
    this.#inFlightBytes = 0;
  }

  /** Puts the batch back in front: the next one is the same again. */
  failed(): void {
    const batch = this.#inFlight;
    if (batch === null) return;
    this.#queue = [...batch.segments, ...this.#queue];
    this.#queueBytes += this.#inFlightBytes;
    this.#records = [...batch.records, ...this.#records];
    this.#live = batch.live ?? this.#live;
    this.acknowledged();
  }

  /** Ends the count of frames that were not kept; call before the last batch. */
  finish(now: number): void {
    if (this.#gap !== null) this.#closeGap(now);
  }

  #heldBytes(): number {
    return this.#writer.bytes + this.#queueBytes + this.#inFlightBytes;
  }

  #isEmpty(): boolean {
    return (
      this.#writer.bytes === 0 &&
      this.#queue.length === 0 &&
      this.#records.length === 0 &&
      this.#live === null
    );
  }

  /** The log is full for good, so the gap is told when it begins; how many frames are in it, the session's sums say. */
  #leaveOut(frame: LoggedFrame): Noted {
    if (!this.#isFull) {
      this.#isFull = true;
      if (this.#gap !== null) this.#closeGap(frame.at);
      this.record({
        kind: 'gap',
        seq: this.#seq,
        at: frame.at,
        body: {
          reason: 'log_limit',
          from_seq: this.#seq,
          to_seq: null,
          frames: null,
          bytes: null,
          limit_bytes: this.#plan.maxLogBytes,
        },
      });
    }
    return { seq: this.#seq, bytes: payloadBytes(frame.payload), logged: false, redacted: false };
  }

  #skip(frame: LoggedFrame): Noted {
    const bytes = payloadBytes(frame.payload);
    this.#gap ??= { from: this.#seq, at: frame.at, to: this.#seq, frames: 0, bytes: 0 };
    this.#gap.to = this.#seq;
    this.#gap.frames += 1;
    this.#gap.bytes += bytes;
    return { seq: this.#seq, bytes, logged: false, redacted: false };
  }

  /** Frames are numbered by position within a segment, so a gap must end the one before it. */
  #closeGap(now: number): void {
    const gap = this.#gap;
    this.#gap = null;
    this.#enqueue();
    if (gap === null) return;
    this.record({
      kind: 'gap',
      seq: gap.from,
      at: gap.at,
      body: {
        reason: 'recorder_behind',
        from_seq: gap.from,
        to_seq: gap.to,
        frames: gap.frames,
        bytes: gap.bytes,
        until: now,
      },
    });
  }

  #tellOfLostRecords(now: number): void {
    const lost = this.#recordsLost;
    this.#recordsLost = 0;
    this.#add({ kind: 'gap', seq: this.#seq, at: now, body: { reason: 'records_lost', records: lost } });
  }

  #add(record: LogRecord): void {
    this.#recordNumber += 1;
    this.#records.push({ ...record, number: this.#recordNumber });
  }

  #enqueue(): void {
    for (const segment of this.#writer.take()) {
      this.#queue.push(segment);
      this.#queueBytes += segment.data.length;
    }
  }

  #takeSegments(): Segment[] {
    const taken: Segment[] = [];
    const { recorderCallBytes, recorderCallShare } = this.#limits;
    const most = Math.max(recorderCallBytes, this.#queueBytes * recorderCallShare);
    let bytes = 0;
    while (this.#queue.length > 0) {
      const next = this.#queue[0];
      if (next === undefined || (taken.length > 0 && bytes + next.data.length > most)) break;
      this.#queue.shift();
      taken.push(next);
      bytes += next.data.length;
    }
    this.#queueBytes -= bytes;
    this.#inFlightBytes = bytes;
    return taken;
  }
}
