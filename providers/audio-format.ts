/** Sizes of audio: how many decoded bytes a base64 text holds, and how long they sound. */

/** Decoded length of padded base64, without decoding it. */
export function base64Bytes(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return Math.max(0, Math.floor((text.length * 3) / 4) - padding);
}

export type Encoding = 'pcm16' | 'g711';

/** Bytes of mono audio for each millisecond. */
export function bytesPerMs(encoding: Encoding, sampleRate: number): number {
  switch (encoding) {
    case 'pcm16':
      return (sampleRate * 2) / 1000;
    case 'g711':
      return sampleRate / 1000;
  }
}
