import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Packer, unpack } from '../../../durable-objects/segment-codec.ts';

const segment = (data: Uint8Array) => ({ number: 1, firstSeq: 1, lastSeq: 9, firstAt: 5, lastAt: 6, data });
const text = segment(new TextEncoder().encode('{"type":"response.done"}'.repeat(100)));
const audio = segment(new TextEncoder().encode(randomBytes(3000).toString('base64')));

describe('P3 segments are stored', () => {
  it('P3 so that they come back as they were, smaller where that is worth it', async () => {
    for (const each of [text, audio, segment(new Uint8Array(3)), segment(new Uint8Array(40_000))]) {
      const packed = await new Packer().pack(each);
      const stored = { ...packed, data: new Uint8Array(packed.data) };
      expect(await unpack(stored)).toEqual(each.data);
    }
    expect((await new Packer().pack(text)).data.length).toBeLessThan(text.data.length / 5);
    expect((await new Packer().pack(audio)).codec).toBe('raw');
    expect((await new Packer().pack(segment(new Uint8Array(40_000)))).codec).toBe('raw');
  });

  it('P3 after audio so many are not even tried, and then again', async () => {
    const packer = new Packer();
    await packer.pack(audio);
    const codecs = [];
    for (let n = 0; n < 17; n += 1) codecs.push((await packer.pack(text)).codec);
    expect(codecs).toEqual([...Array<string>(15).fill('raw'), 'deflate', 'deflate']);
  });
});
