/** The digest of a log, and how much of what was relayed it is over. */
import { digestHead, type DigestShape } from '../protocol/log-digest.ts';
import type { LogFrame, LogItem } from './frame-log.ts';
import type { SessionView } from './session-store.ts';

/** SHA-256 of the platform. What it is given may be written over once it is done with it. */
export interface Hash {
  readonly update: (bytes: Uint8Array) => Promise<void>;
  /** In hexadecimal, lower case. */
  readonly digest: () => Promise<string>;
}

export class LogDigest {
  readonly #hash: Hash;
  readonly #encoder = new TextEncoder();
  #frames = 0;
  #bytes = 0;
  #lastSeq = 0;
  #omitted = 0;
  #redacted = 0;
  #translated = 0;
  /** A gap in which nobody counted. */
  #isUncounted = false;
  /** The log was full: what came after is counted at the end. */
  #isFull = false;

  constructor(hash: Hash) {
    this.#hash = hash;
  }

  /** Of payloads, so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Items of the log, from its beginning and in order. */
  async add(item: LogItem): Promise<void> {
    if (item.kind === 'frame') return this.#frame(item);
    if (item.kind === 'corrupt' || item.body['reason'] === 'interrupted') this.#isUncounted = true;
    else if (item.body['reason'] === 'log_limit') this.#isFull = true;
  }

  /** @param view of the session, as it was before the log was read */
  async result(view: SessionView): Promise<DigestShape> {
    const missing = this.#missing(view);
    const [omitted, redacted, translated] = [this.#omitted, this.#redacted, this.#translated];
    return {
      algorithm: 'sha-256',
      digest: await this.#hash.digest(),
      frames: this.#frames,
      bytes: this.#bytes,
      last_seq: this.#lastSeq,
      complete: missing === 0 && omitted + redacted + translated === 0,
      missing,
      omitted,
      redacted,
      translated,
    };
  }

  async #frame({ seq, entry, payload }: LogFrame): Promise<void> {
    const { direction, opcode } = entry;
    const head = { seq, direction, opcode, bytes: payload?.length ?? entry.length };
    this.#frames += 1;
    this.#lastSeq = seq;
    if (entry.redacted) this.#redacted += 1;
    if (entry.translated) this.#translated += 1;
    if (payload === null) {
      this.#omitted += 1;
      return this.#hash.update(this.#encoder.encode(digestHead({ ...head, omitted: true })));
    }
    this.#bytes += payload.length;
    await this.#hash.update(this.#encoder.encode(digestHead(head)));
    await this.#hash.update(payload);
  }

  /** The sums of an ended session have every frame; those of a live one are behind its log, whose numbers tell instead. */
  #missing({ ending, totals, opening }: SessionView): number | null {
    if (this.#isUncounted) return null;
    if (ending === null) return this.#isFull || opening.log === 'none' ? null : this.#lastSeq - this.#frames;
    return totals === null ? null : Math.max(0, totals.frames_up + totals.frames_down - this.#frames);
  }
}
