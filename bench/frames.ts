/** The frames of the load: JSON as realtime clients send it, numbered, each with its own random audio. */
export interface Frames {
  readonly bytes: number;
  /** The frame with this number. Valid until the next call, so it must be sent (and so copied) before. */
  numbered(sequence: number): Buffer;
  /** The number of a frame that is one of these, byte for byte, or -1. */
  sequenceOf(echo: Buffer): number;
}

const PREFIX = '{"type":"input_audio_buffer.append","event_id":"event_00000000","audio":"';
const SUFFIX = '"}';
const DIGITS = 8;
const DIGITS_AT = PREFIX.indexOf('00000000');
const ZERO = 48;
/** Enough different payloads that a log which compresses cannot profit from repetition that no voice has. */
const VARIANTS = 256;

export function makeFrames(bytes: number): Frames {
  const random = seededRandom(bytes);
  const pool = Array.from({ length: VARIANTS }, () => {
    const room = bytes - PREFIX.length - SUFFIX.length;
    const audio = Buffer.from(
      Array.from({ length: Math.floor(room / 4) * 3 }, () => Math.floor(random() * 256)),
    );
    // White space before the bracket brings it to the exact size: whole base64 comes in fours.
    return Buffer.from(PREFIX + audio.toString('base64') + SUFFIX[0] + ' '.repeat(room % 4) + SUFFIX[1]);
  });
  const variant = (sequence: number): Buffer => {
    const frame = pool[sequence % VARIANTS];
    if (frame === undefined) throw new Error(`no frame has the number ${sequence}`);
    return frame;
  };
  return {
    bytes,
    numbered(sequence) {
      const frame = variant(sequence);
      writeDigits(frame, sequence);
      return frame;
    },
    sequenceOf(echo) {
      if (echo.length !== bytes) return -1;
      const sequence = readDigits(echo);
      if (sequence < 0) return -1;
      const sent = variant(sequence);
      const same =
        sent.compare(echo, 0, DIGITS_AT, 0, DIGITS_AT) === 0 &&
        sent.compare(echo, DIGITS_AT + DIGITS, bytes, DIGITS_AT + DIGITS, bytes) === 0;
      return same ? sequence : -1;
    },
  };
}

/** The same numbers in every run (mulberry32): peers and rounds get the same payloads and the same start phases. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function writeDigits(frame: Buffer, sequence: number): void {
  let rest = sequence;
  for (let at = DIGITS_AT + DIGITS - 1; at >= DIGITS_AT; at--) {
    frame[at] = ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

function readDigits(frame: Buffer): number {
  let sequence = 0;
  for (let at = DIGITS_AT; at < DIGITS_AT + DIGITS; at++) {
    const digit = (frame[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    sequence = sequence * 10 + digit;
  }
  return sequence;
}
