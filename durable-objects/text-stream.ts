/** Text that is made piece by piece, as the body of an answer. */

const encoder = new TextEncoder();

/** Written in pieces of about this size: a stream of single lines would be slow. */
const CHUNK_CHARACTERS = 65_536;

/**
 * Made as fast as it is taken, and no faster.
 *
 * @param text null: what there is goes out now, since the next piece may take its time
 */
export function streamed(text: AsyncGenerator<string | null>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      let out = '';
      while (out.length < CHUNK_CHARACTERS) {
        const next = await text.next();
        if (next.done === true) {
          if (out !== '') controller.enqueue(encoder.encode(out));
          controller.close();
          return;
        }
        if (next.value !== null) out += next.value;
        else if (out !== '') break;
      }
      controller.enqueue(encoder.encode(out));
    },
    async cancel() {
      await text.return(undefined);
    },
  });
}
