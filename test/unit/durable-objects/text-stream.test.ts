import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { begun, streamed } from '../../../durable-objects/text-stream.ts';
import { LIMITS } from '../../../session/limits.ts';

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

  it('P3 what fails before its first piece is no answer', async () => {
    async function* failing(): AsyncGenerator<string | null> {
      yield await Promise.reject<string>(new Error('deleted'));
    }
    await expect(begun(failing())).rejects.toThrow('deleted');
    const whole = await begun(given(['a', 'b']));
    expect(await new Response(whole).text()).toBe('ab');
  });

  it('P10 a first piece is waited for as long as the limit says, and no longer', async () => {
    vi.useFakeTimers();
    const piece = Promise.withResolvers<string>();
    async function* slow(): AsyncGenerator<string | null> {
      yield await piece.promise;
    }
    const answer = begun(slow());
    const states: string[] = [];
    void answer.then(() => states.push('answered'));
    await vi.advanceTimersByTimeAsync(LIMITS.headWaitMs - 1);
    expect(states).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(states).toEqual(['answered']);
    vi.useRealTimers();
    piece.resolve('at last');
    expect(await new Response(await answer).text()).toBe('at last');
  });
});
