/** Raw audio as Cartesia names it: an encoding and a sample rate, mono. */
import { asCount, asText, type JsonValue } from '../protocol/json.ts';

const BYTES_PER_SAMPLE = new Map([
  ['pcm_f32le', 4],
  ['pcm_s32le', 4],
  ['pcm_s16le', 2],
  ['pcm_f16le', 2],
  ['pcm_mulaw', 1],
  ['pcm_alaw', 1],
]);

/** Bytes for each millisecond, or null for a format that is not known. */
export function bytesPerMs(
  encoding: JsonValue | undefined,
  sampleRate: JsonValue | undefined,
): number | null {
  const width = BYTES_PER_SAMPLE.get(asText(encoding) ?? '');
  const rate = asCount(sampleRate) ?? 0;
  return width === undefined || rate === 0 ? null : (width * rate) / 1000;
}
