/**
 * Carries a session's log to its recorder, in batches, one at a time and in order. The relay never waits for it: every
 * call is made off the frame's path, and a recorder that fails is called again while the session goes on.
 */
import type {
  Batch,
  Checkpoint,
  Ending,
  Opening,
  OpeningVerdict,
  RecorderEntry,
  Totals,
} from '../protocol/recording.ts';
import type { Limits } from '../session/limits.ts';
import type { Recording } from '../session/recording.ts';
import { someoneTalks } from './give-way.ts';

type LinkLimits = Pick<
  Limits,
  | 'flushMs'
  | 'flushJitter'
  | 'openRecordMs'
  | 'recorderRetryMs'
  | 'heartbeatMs'
  | 'heartbeatJitter'
  | 'checkpointMs'
>;

/** After the end, how often a recorder that fails is tried before the session lets go. */
const LAST_ATTEMPTS = 16;

/** What the recorder's stub is called with. */
export interface RecorderCalls {
  write(entry: RecorderEntry): Promise<OpeningVerdict>;
}

export interface LinkOptions {
  /** A new stub for every call: after an exception the old one is of no use. */
  readonly recorder: () => RecorderCalls;
  readonly opening: Opening;
  readonly recording: Recording;
  /** Puts into the recording what has gone out and is not in it yet. */
  readonly catchUp: () => void;
  readonly totals: () => Totals;
  /** What is to be kept of the session now; null when that may not be, or has not changed. */
  readonly checkpoint: () => Checkpoint | null;
  /** Whether a client can come back after the loss of the object: then there is a checkpoint from the first batch on. */
  readonly resumable: boolean;
  /** True when the record has been opened before. */
  readonly begun: boolean;
  readonly limits: LinkLimits;
  readonly report: (problem: string) => void;
}

export class RecorderLink {
  readonly #options: LinkOptions;
  readonly #flushMs: number;
  readonly #totalsMs: number;
  #begun: boolean;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #pumping: Promise<void> | null = null;
  #urgent = false;
  /** How long the last call took. */
  #callMs = 0;
  #failures = 0;
  #ending: Ending | null = null;
  #concluded = false;
  /** When the sums were stored last; null: a reader waits for those of now. */
  #totalsAt: number | null = Date.now();
  /** When a checkpoint was stored last; null: one is wanted now. */
  #checkpointAt: number | null;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#begun = options.begun;
    this.#checkpointAt = options.resumable ? 0 : Date.now();
    const { flushMs, flushJitter, heartbeatMs, heartbeatJitter } = options.limits;
    this.#flushMs = flushMs * (1 - flushJitter * Math.random());
    this.#totalsMs = heartbeatMs * (1 - heartbeatJitter * Math.random());
  }

  /** Opens the record, and waits for the verdict. Rejects when the recorder's storage does not answer. */
  async begin(): Promise<OpeningVerdict> {
    const verdict = await this.#write(null, null, null);
    this.#begun = verdict.kind === 'opened';
    return verdict;
  }

  /** Another link takes its place: nothing more is sent after this. */
  async stop(): Promise<void> {
    this.#concluded = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#pumping;
  }

  /** Opens the record in a moment: not while the client waits for its 101, since the disk keeps the one thread busy. */
  openSoon(): void {
    if (this.#begun || this.#pumping !== null) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#start(), this.#options.limits.openRecordMs);
  }

  /** There is something to store. Cheap: called for every frame. */
  poke(): void {
    // Whatever is to be stored comes of frames.
    someoneTalks();
    if (this.#pumping !== null || this.#concluded) return;
    if (this.#options.recording.due === 'now' && this.#callMs < this.#flushMs) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), this.#flushMs);
  }

  /** Stores what is in memory, the sums of now among it; true when all of it was, within `waitMs`. */
  async settle(waitMs: number): Promise<boolean> {
    this.#totalsAt = null;
    return this.#drain(waitMs);
  }

  /** Stores everything, and what the session can be gone on with. Whoever calls it may then sleep. */
  async keep(): Promise<boolean> {
    this.#checkpointAt = null;
    this.#totalsAt = null;
    return this.#drain(this.#options.limits.recorderRetryMs * LAST_ATTEMPTS);
  }

  /** Stores everything, and the ending with the last of it. After it nothing more is sent. */
  async finish(ending: Ending): Promise<void> {
    this.#ending = ending;
    if (await this.#drain(this.#options.limits.recorderRetryMs * LAST_ATTEMPTS)) return;
    // The recorder's own alarm finds the session gone, and marks the record as interrupted.
    this.#options.report('gave up on the recorder; the end of this session is not stored');
  }

  async #drain(waitMs: number): Promise<boolean> {
    const until = Date.now() + waitMs;
    this.#options.catchUp();
    this.#urgent = true;
    while (!this.#isDone() && Date.now() < until) {
      this.#start();
      await atMost(this.#pumping ?? Promise.resolve(), until - Date.now());
    }
    this.#urgent = false;
    return this.#isDone();
  }

  #isDone(): boolean {
    return this.#ending === null
      ? this.#options.recording.settled && this.#totalsAt !== null && this.#checkpointAt !== null
      : this.#concluded;
  }

  #start(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    // In a turn of its own: catching up may poke, and that must find it under way.
    this.#pumping ??= Promise.resolve()
      .then(() => this.#pump())
      .finally(() => {
        this.#pumping = null;
        // What went out meanwhile armed no timer, since a call was under way.
        this.#options.catchUp();
        if (this.#options.recording.due !== 'nothing') this.#goOn();
      });
  }

  /** A recorder that is slow is called again at a time of chance: else all sessions' calls end at once, each time. */
  #goOn(): void {
    if (this.#callMs < this.#flushMs || this.#urgent) this.poke();
    else this.#timer ??= setTimeout(() => this.#start(), this.#flushMs * Math.random());
  }

  async #pump(): Promise<void> {
    const { recording, catchUp, report, limits } = this.#options;
    do {
      const now = Date.now();
      try {
        catchUp();
        const batch = recording.next((hasRecords) => this.#totalsDue(hasRecords, now), now);
        const ending = recording.due === 'nothing' ? this.#ending : null;
        const known = this.#checkpointDue(now) ? this.#options.checkpoint() : null;
        // What rests is taken for whole: nobody would tell of what a crash kept from the log.
        const isEarly = known?.resting === true && recording.due !== 'nothing';
        const checkpoint = isEarly ? null : known;
        const isWanted = this.#checkpointAt === null;
        if (this.#concluded || (batch === null && this.#begun && ending === null && !isWanted)) return;
        await this.#write(batch, ending, checkpoint);
        recording.acknowledged();
        this.#begun = true;
        this.#concluded = ending !== null;
        if (batch?.totals != null) this.#totalsAt = now;
        if (!isEarly && (checkpoint !== null || isWanted)) this.#checkpointAt = now;
        this.#failures = 0;
      } catch (error) {
        recording.failed();
        this.#failures += 1;
        if (this.#failures === 1) report(`the recorder failed: ${String(error)}`);
        await pause(limits.recorderRetryMs);
      }
      this.#callMs = Date.now() - now;
    } while (this.#urgent || (recording.due === 'now' && this.#callMs < this.#flushMs));
  }

  /** In one call, and one transaction: a short session costs the recorder little. */
  #write(batch: Batch | null, ending: Ending | null, checkpoint: Checkpoint | null): Promise<OpeningVerdict> {
    const opening = this.#begun ? null : this.#options.opening;
    return this.#options.recorder().write({ opening, batch, ending, checkpoint });
  }

  #checkpointDue(now: number): boolean {
    if (this.#ending !== null) return false;
    return this.#checkpointAt === null || now - this.#checkpointAt >= this.#options.limits.checkpointMs;
  }

  /** The totals are a row of their own, so they go along with records, and else only now and then. */
  #totalsDue(hasRecords: boolean, now: number): Totals | null {
    const isDue = hasRecords || this.#totalsAt === null || now - this.#totalsAt >= this.#totalsMs;
    return isDue ? this.#options.totals() : null;
  }
}

/** Waits for `promise`, at the longest `ms`; leaves no timer behind, since one would keep the object awake. */
async function atMost(promise: Promise<void>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, ms));
  });
  await Promise.race([promise, late]);
  if (timer !== null) clearTimeout(timer);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, Math.max(0, ms));
  });
}
