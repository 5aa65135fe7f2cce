import { describe, expect, it, vi } from 'vitest';
import type { DigestShape } from '../../../protocol/log-digest.ts';
import { SegmentWriter } from '../../../protocol/segment.ts';
import type { SessionStore } from '../../../storage/session-store.ts';
import { begun } from '../forms/recorded.ts';
import { Reader } from '../forms/reader.ts';
import { WIRES } from '../forms/wires.ts';

vi.mock('../../../durable-objects/give-way.ts', () => import('../forms/at-once.ts'));

const MIB = 1 << 20;
const FRAMES = 16;

/** A live session with a log of so many MiB, a frame each. */
function large(): SessionStore {
  const [wire] = WIRES;
  if (wire === undefined) throw new Error('there is no wire');
  const store = begun(wire);
  const writer = new SegmentWriter(MIB);
  const payload = 'x'.repeat(MIB);
  for (let seq = 1; seq <= FRAMES; seq += 1)
    writer.append(seq, { direction: 'up', client: 1, at: 1, payload, translated: false }, true);
  const segments = writer.take().map((segment) => ({ ...segment, codec: 'raw' as const }));
  store.append(segments, { records: [], totals: null, live: null });
  return store;
}

describe('P10 a digest that takes long', () => {
  it('P10 says meanwhile that it is being made, in what JSON passes over', async () => {
    const text = await (await new Reader(large()).view('digest')).text();
    expect(text).toMatch(new RegExp(`^ {${FRAMES}}\\{`));
    const { result }: { result: DigestShape } = JSON.parse(text);
    expect(result).toMatchObject({ frames: FRAMES, bytes: FRAMES * MIB, complete: true });
  });

  it('P10 is not gone on with when nobody waits for it any more', async () => {
    const store = large();
    const read = vi.spyOn(store, 'segment');
    const { body } = await new Reader(store).view('digest');
    const reader = body?.getReader();
    expect((await reader?.read())?.value).toEqual(new TextEncoder().encode(' '));
    await reader?.cancel();
    const atMost = read.mock.calls.length;
    expect(atMost).toBeLessThan(FRAMES / 2);
    await new Promise((resolve) => setImmediate(resolve));
    expect(read.mock.calls.length).toBe(atMost);
  });
});
