import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { streamed } from '../../../durable-objects/text-stream.ts';

async function* given(pieces: readonly (string | null)[]): AsyncGenerator<string | null> {
  yield* pieces;
}

/** A flush; lengths below, at and above that of a chunk, in letters of one to four bytes. */
const piece = fc.oneof(
  { weight: 1, arbitrary: fc.constant(null) },
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('a', 'é', '語', '🎧'), fc.constantFrom(1_000, 16_383, 65_535, 65_536, 150_000))
      .map(([letter, length]) => letter.repeat(length)),
  },
);

describe('P3 text as the body of an answer', () => {
  it('P3 is what was made, whatever the pieces are, in chunks of at most 64 KiB, none of them empty', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
        const chunks: Uint8Array[] = [];
        for await (const chunk of streamed(given(pieces))) chunks.push(chunk);
        expect(Buffer.concat(chunks).toString() === pieces.join('')).toBe(true);
        for (const { length } of chunks) expect(length).toSatisfy((bytes) => bytes > 0 && bytes <= 65_536);
      }),
      { numRuns: 60 },
    );
  });

  it('P3 what there is goes out before what is still to come', async () => {
    const later = Promise.withResolvers<undefined>();
    async function* slow(): AsyncGenerator<string | null> {
      yield 'now';
      yield null;
      await later.promise;
      yield 'later';
    }
    const reader = streamed(slow()).getReader();
    const text = async () => Buffer.from((await reader.read()).value ?? []).toString();
    expect(await text()).toBe('now');
    later.resolve(undefined);
    expect(await text()).toBe('later');
    expect((await reader.read()).done).toBe(true);
  });
});
