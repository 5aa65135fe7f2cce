/** Text that is made piece by piece, as the body of an answer. */

const encoder = new TextEncoder();

/** Written in pieces of about this size: a stream of single lines would be slow. */
const CHUNK_BYTES = 65_536;
/** A UTF-16 code unit takes at most three bytes of UTF-8. */
const UTF8_MAX_PER_UNIT = 3;

/**
 * Made as fast as it is taken, and no faster.
 *
 * @param text null: what there is goes out now, since the next piece may take its time
 */
export function streamed(text: AsyncGenerator<string | null>): ReadableStream<Uint8Array> {
  /** Did not fit the chunk before. */
  let left: string | null = null;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      // Written where it goes: text that is put together first would be copied twice more.
      let chunk = new Uint8Array(Math.max(CHUNK_BYTES, (left?.length ?? 0) * UTF8_MAX_PER_UNIT));
      let used = left === null ? 0 : encoder.encodeInto(left, chunk).written;
      left = null;
      while (used < CHUNK_BYTES) {
        const next = await text.next();
        if (next.done === true) {
          if (used > 0) controller.enqueue(chunk.subarray(0, used));
          controller.close();
          return;
        }
        if (next.value === null) {
          if (used > 0) break;
          continue;
        }
        const most = next.value.length * UTF8_MAX_PER_UNIT;
        if (used === 0 && most > chunk.length) chunk = new Uint8Array(most);
        if (most > chunk.length - used) {
          left = next.value;
          break;
        }
        used += encoder.encodeInto(next.value, chunk.subarray(used)).written;
      }
      controller.enqueue(chunk.subarray(0, used));
    },
    async cancel() {
      await text.return(undefined);
    },
  });
}
