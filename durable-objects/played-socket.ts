/** A socket on which a recording is played: waits, for time and for a slow reader, that end early when it is over. */
import { CLOSE, type CloseFrame } from '../protocol/close-codes.ts';
import type { Payload } from '../protocol/connect.ts';
import { closeFor } from '../session/causes.ts';
import { LIMITS } from '../session/limits.ts';
import { pause } from './input-hold.ts';
import { unsentBytes } from './unsent-bytes.ts';

export class PlayedSocket {
  readonly #socket: WebSocket;
  /** Called when something came, or the socket is over. */
  #stir: () => void = () => undefined;
  #burst = 0;
  isOver = false;

  /** @param heard gets each frame of the other side; whoever is `stirred` goes on after it */
  constructor(socket: WebSocket, heard: (payload: Payload) => void) {
    this.#socket = socket;
    // From compatibility date 2026-03-17 on, binary frames are Blobs by default.
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => {
      // Pinned to arraybuffer above, so a frame is a string or an ArrayBuffer and never a Blob.
      if (!this.isOver) heard(data as Payload);
      this.#stir();
    });
    socket.addEventListener('close', ({ code, reason }) => this.close({ code, reason }));
    socket.addEventListener('error', () => this.#finish());
    socket.accept();
  }

  /** Resolves at `at`, or when the socket is over. */
  async until(at: number): Promise<void> {
    for (let left = at - Date.now(); left > 0 && !this.isOver; left = at - Date.now()) {
      // In whole ms: a timer takes no part of one, and would be set again for what is left.
      await this.stirred(Math.ceil(Math.min(left, LIMITS.streamCommentMs)));
    }
    this.#burst = 0;
  }

  /** Resolves after `ms`, or sooner when something came or the socket is over. */
  stirred(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#stir = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Sends when the reader has room; nothing once it is over. Whoever else has business gets a turn now and then. */
  async play(payload: Payload): Promise<void> {
    this.#burst += 1;
    if (this.#burst >= LIMITS.replayBurst) {
      this.#burst = 0;
      await pause(0);
    }
    await this.#room();
    this.send(payload);
  }

  send(payload: Payload): void {
    if (this.isOver) return;
    try {
      this.#socket.send(payload);
    } catch {
      // Its connection failed a moment ago.
      this.#finish();
    }
  }

  close({ code, reason }: CloseFrame): void {
    if (!this.#finish()) return;
    try {
      this.#socket.close(code, reason);
    } catch {
      // The other side closed in the same moment, or said a reserved code.
      this.#closeNormally();
    }
  }

  #closeNormally(): void {
    try {
      this.#socket.close(CLOSE.normal, '');
    } catch {
      // It is closed.
    }
  }

  async #room(): Promise<void> {
    let least = unsentBytes(this.#socket) ?? 0;
    let since = Date.now();
    for (let wait: number = LIMITS.holdMs; least > LIMITS.holdFromBytes && !this.isOver;) {
      await this.stirred(wait);
      wait = Math.min(wait * 2, LIMITS.holdMostMs);
      const unsent = unsentBytes(this.#socket) ?? 0;
      if (unsent < least) {
        least = unsent;
        since = Date.now();
      } else if (Date.now() - since >= LIMITS.stalledMs)
        this.close(closeFor('slow_consumer', { bytes: String(unsent) }));
    }
  }

  #finish(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.#stir();
    return true;
  }
}
