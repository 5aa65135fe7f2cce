/**
 * The upstream sockets of one session: the one that relays, and at most one more that is to take its place. Every dial has
 * a number, and what comes of an older one is dropped.
 */
import { CLOSE, type CloseFrame } from '../protocol/close-codes.ts';
import type { Payload } from '../protocol/connect.ts';
import type { LogRecord } from '../protocol/recording.ts';
import { type DialAttempts, mayFallBack, waitBefore } from '../session/dial-attempts.ts';
import type { Session } from '../session/session.ts';
import { pause } from './input-hold.ts';
import { type DialOutcome, type FailedDial, withoutSecret } from './opening.ts';
import type { UpstreamSocket } from './upstream-socket.ts';

const NORMAL: CloseFrame = { code: CLOSE.normal, reason: '' };

export interface UpstreamsOptions {
  readonly session: () => Session;
  /** Dials once; never rejects. */
  readonly dial: () => Promise<DialOutcome>;
  /** Of the first dial. */
  readonly attempts: DialAttempts;
  /** Of dials that failed, and after which another follows. */
  readonly record: (error: LogRecord) => void;
  /** Which of several it dials, for the record of a failure. */
  readonly about: FailedDial['detail'];
  /** Whether something else is dialled in place of what this dials. */
  readonly hasNext: boolean;
  /** What the provider was dialled with, which it may quote. */
  readonly secret: () => string | null;
}

export class Upstreams {
  readonly #options: UpstreamsOptions;
  #current: UpstreamSocket | null = null;
  #successor: UpstreamSocket | null = null;
  /** The newest dial; 0: nothing more may open. */
  #dial = 1;
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** What the provider chose. */
  subprotocol: string | null = null;

  constructor(options: UpstreamsOptions) {
    this.#options = options;
  }

  /**
   * The first dial of the session. Its frames wait for `start`. Null: it is open. Otherwise the session is over, or stays as
   * it is where something else may be dialled.
   */
  async open(): Promise<FailedDial | null> {
    const { session } = this.#options;
    let startedAt = Date.now();
    let dialled = await this.#options.dial();
    let attempt = 1;
    for (; this.#mayRetry(dialled, attempt); attempt += 1) {
      await pause(waitBefore(attempt + 1, this.#options.attempts));
      startedAt = Date.now();
      dialled = await this.#options.dial();
    }
    const now = Date.now();
    if (dialled.kind === 'failed') {
      const { failure } = dialled;
      if (this.#options.hasNext && mayFallBack(failure)) this.#failed(failure, attempt, now);
      else
        session().upstreamRefused(
          failure.reason,
          { attempt, ...failure.detail, ...this.#options.about },
          now,
        );
      return failure;
    }
    this.#current = dialled.socket;
    this.subprotocol = dialled.subprotocol;
    if (session().phase === 'ended') dialled.socket.close(NORMAL);
    else session().upstreamOpened(now - startedAt, now);
    return null;
  }

  /** A dial that failed and is tried again is on record. */
  #mayRetry(dialled: DialOutcome, attempt: number): boolean {
    if (dialled.kind === 'open' || !dialled.failure.transient || attempt >= this.#options.attempts.most)
      return false;
    this.#failed(dialled.failure, attempt, Date.now());
    return this.#options.session().phase === 'dialling';
  }

  #failed({ reason, detail }: FailedDial, attempt: number, at: number): void {
    const body = { code: reason, attempt, ...detail, ...this.#options.about };
    this.#options.record({ seq: 0, at, kind: 'error', body });
  }

  /** Begins to deliver the first upstream's frames: somebody is there to get them. */
  start(): void {
    if (this.#current !== null) this.#listen(this.#current);
  }

  send(payload: Payload): boolean {
    return this.#current?.send(payload) ?? false;
  }

  sendToSuccessor(payload: Payload): boolean {
    return this.#successor?.send(payload) ?? false;
  }

  /** Unsent bytes of the one that relays; 0 where the runtime does not tell. */
  get unsent(): number {
    return this.#current?.unsent ?? 0;
  }

  /** Dials a successor in `delayMs`. */
  dial(delayMs: number): void {
    this.dropSuccessor();
    const number = this.#dial;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#redial(number);
    }, delayMs);
  }

  async #redial(number: number): Promise<void> {
    const { continuity } = this.#options.session();
    const startedAt = Date.now();
    const dialled = await this.#options.dial();
    const now = Date.now();
    if (number !== this.#dial) {
      if (dialled.kind === 'open') dialled.socket.close(NORMAL);
    } else if (dialled.kind === 'failed') {
      continuity.redialFailed(dialled.failure, now);
    } else {
      this.#successor = dialled.socket;
      this.#listen(dialled.socket);
      continuity.redialled(now - startedAt, now);
    }
  }

  /** The successor takes the place of the upstream, which is closed. */
  promote(farewell: CloseFrame): void {
    if (this.#successor === null) return;
    this.#current?.close(farewell);
    this.#current = this.#successor;
    this.#successor = null;
  }

  /** Gives up the successor, or the dial for it. */
  dropSuccessor(): void {
    this.#dial += 1;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#successor?.close(NORMAL);
    this.#successor = null;
  }

  close(frame: CloseFrame): void {
    this.dropSuccessor();
    this.#current?.close(frame);
  }

  /** In one turn with the dial's answer, or with the first client's 101: nothing that came with it is lost. */
  #listen(socket: UpstreamSocket): void {
    const session = this.#options.session();
    socket.start({
      frame: (payload) => {
        if (socket === this.#current) session.upstreamFrame(payload, Date.now());
        else session.continuity.rollover.frame(payload, Date.now());
      },
      closed: (code, reason) => this.#closed(socket, code, withoutSecret(reason, this.#options.secret())),
      failed: (detail) => {
        if (socket === this.#current && detail.includes('too large')) session.upstreamFrameTooBig(Date.now());
        else this.#closed(socket, CLOSE.abnormal, '');
      },
    });
  }

  #closed(socket: UpstreamSocket, code: number, reason: string): void {
    const session = this.#options.session();
    if (socket === this.#current) session.upstreamClosed(code, reason, Date.now());
    else if (socket === this.#successor) session.continuity.rollover.lost(Date.now());
  }
}
