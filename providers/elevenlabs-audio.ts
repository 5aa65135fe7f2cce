/** ElevenLabs' names of audio formats, as sizes. */
import type { AudioObservation } from '../protocol/observations.ts';
import { base64Bytes, bytesPerMs } from './audio-format.ts';

/** Null for what is compressed (mp3, opus): its length in time does not follow from its length in bytes. */
function rateOf(format: string | null): number | null {
  const match = /^(pcm|ulaw|alaw)_(\d{4,6})$/.exec(format ?? '');
  if (match === null) return null;
  return bytesPerMs(match[1] === 'pcm' ? 'pcm16' : 'g711', Number(match[2]));
}

export function audioObservation(
  speaker: 'user' | 'model',
  base64: string,
  format: string | null,
): AudioObservation {
  const bytes = base64Bytes(base64);
  const rate = rateOf(format);
  return { kind: 'audio', speaker, bytes, ms: rate === null ? null : bytes / rate };
}
