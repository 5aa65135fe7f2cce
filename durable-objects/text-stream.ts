/** Text that is made piece by piece, as the body of an answer. */
import { LIMITS } from '../session/limits.ts';

const encoder = new TextEncoder();

/** At most so much at a time; less would be slow where pieces are single lines. */
const CHUNK_BYTES = 65_536;

/**
 * Made as fast as it is taken, and no faster.
 *
 * @param text null: what there is goes out now, since the next piece may take its time
 * @param asked its first piece, when that was asked for already
 */
export function streamed(
  text: AsyncGenerator<string | null>,
  asked: Promise<IteratorResult<string | null>> | null = null,
): ReadableStream<Uint8Array> {
  // Written where pieces are put together: text that is joined first would be copied twice more.
  const chunk = new Uint8Array(CHUNK_BYTES);
  /** Of the piece that did not fit the chunk before. */
  let left = '';
  let first = asked;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      let used = 0;
      let isOver = false;
      for (;;) {
        if (left === '') {
          const next = await (first ?? text.next());
          first = null;
          isOver = next.done === true;
          if (isOver || (next.value === null && used > 0)) break;
          left = next.value ?? '';
        }
        const { read, written } = encoder.encodeInto(left, chunk.subarray(used));
        left = left.slice(read);
        used += written;
        if (left !== '') break;
      }
      if (used > 0) controller.enqueue(chunk.slice(0, used));
      if (isOver) controller.close();
    },
    async cancel() {
      await text.return(undefined);
    },
  });
}

/**
 * The same, once its first piece is there: what fails before that is no answer. One that takes long is not waited for, since
 * readers and what is between do not wait for ever for the head of an answer.
 */
export async function begun(text: AsyncGenerator<string | null>): Promise<ReadableStream<Uint8Array>> {
  const first = text.next();
  const waited = Promise.withResolvers<void>();
  const timer = setTimeout(waited.resolve, LIMITS.headWaitMs);
  try {
    await Promise.race([first, waited.promise]);
  } finally {
    clearTimeout(timer);
  }
  return streamed(text, first);
}
