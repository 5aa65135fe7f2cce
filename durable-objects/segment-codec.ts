/** Compression of stored segments, by the platform's own streams. */
import type { Segment } from '../protocol/segment.ts';
import type { PackedSegment, StoredSegment } from '../storage/session-store.ts';

/**
 * Only what a slow session flushes is worth compressing: text events shrink to a fifth. A busy voice session is base64
 * audio, of which deflate gains a quarter at best and costs some 25 ms of the one thread for a MiB (measured 2026-11-24).
 */
const COMPRESS_FROM_BYTES = 512;
const COMPRESS_TO_BYTES = 32_768;
const WORTH_IT = 0.75;
/** So many are stored as they are after one that was not: a session that is mostly audio goes on to be. */
const LEFT_ALONE = 15;

/** For one session. */
export class Packer {
  #leftAlone = 0;

  async pack(segment: Segment): Promise<PackedSegment> {
    const { length } = segment.data;
    if (length < COMPRESS_FROM_BYTES || length > COMPRESS_TO_BYTES) return { ...segment, codec: 'raw' };
    if (this.#leftAlone > 0) {
      this.#leftAlone -= 1;
      return { ...segment, codec: 'raw' };
    }
    const deflated = await through(segment.data, new CompressionStream('deflate-raw'));
    if (deflated.length <= length * WORTH_IT) return { ...segment, data: deflated, codec: 'deflate' };
    this.#leftAlone = LEFT_ALONE;
    return { ...segment, codec: 'raw' };
  }
}

export async function unpack(segment: StoredSegment): Promise<Uint8Array> {
  switch (segment.codec) {
    case 'raw':
      return segment.data;
    case 'deflate':
      return through(segment.data, new DecompressionStream('deflate-raw'));
  }
}

async function through(
  data: Uint8Array,
  stream: CompressionStream | DecompressionStream,
): Promise<Uint8Array> {
  const out = new Response(new Response(data).body?.pipeThrough(stream));
  return new Uint8Array(await out.arrayBuffer());
}
