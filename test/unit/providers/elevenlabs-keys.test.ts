import { describe, expect, it } from 'vitest';
import type { Payload } from '../../../providers/adapter.ts';
import { elevenlabs } from '../../../providers/elevenlabs.ts';
import { CLIENT, readAll, STREAM, up } from './elevenlabs-frames.ts';

describe('P9 keys in frames', () => {
  const isOurs = (text: string) => text.startsWith('ek_');
  const keys = (payload: Payload) => elevenlabs.withoutKeys?.(payload, isOurs) ?? null;

  it.each(['xi-api-key', 'xi_api_key', 'authorization'])(
    'P9 %s: a gateway token does not go up, a key of the client does, and neither is logged',
    (name) => {
      const opening = (value: string) => JSON.stringify({ text: ' ', [name]: value, context_id: 'c' });
      for (const token of ['ek_a.b.c', 'Bearer ek_a.b.c']) {
        expect(keys(opening(token))).toEqual({
          up: JSON.stringify({ text: ' ', context_id: 'c' }),
          log: opening('[key]'),
        });
      }
      expect(keys(opening('sk_own'))).toEqual({ up: opening('sk_own'), log: opening('[key]') });
    },
  );

  it('P9 in binary frames, behind escapes, twice, and of any type', () => {
    const binary = keys(new TextEncoder().encode('{"xi_api_key":"ek_a.b.c"}').buffer);
    expect([binary?.up, binary?.log].map((each) => new TextDecoder().decode(each as ArrayBuffer))).toEqual([
      '{}',
      '{"xi_api_key":"[key]"}',
    ]);
    expect(keys(String.raw`{"xi_\u0061pi_key":"ek_a.b.c"}`)?.up).toBe('{}');
    expect(keys('{"xi_api_key":"ek_a.b.c","xi_api_key":"ek_d.e.f"}')?.up).toBe('{}');
    expect(keys('{"xi_api_key":{"a":"sk_own"}}')?.log).toBe('{"xi_api_key":"[key]"}');
  });

  it('P1 any other frame stays the bytes that it is', () => {
    for (const frame of ['', '{', '{"text":"my authorization "}', '{"text":"\\u00e9"}', '["xi_api_key"]']) {
      expect(keys(frame)).toBeNull();
    }
    expect(keys(new ArrayBuffer(0))).toBeNull();
  });

  it('P9 P10 what is nested deeper than can be written is not stored, and stops nothing', () => {
    const deep = `{"authorization":"sk_own","text":" ","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect(keys(deep)).toEqual({ up: deep, log: '{}' });
    expect(readAll(STREAM, [[CLIENT, deep]]).state).toMatchObject({ contexts: [{ opening: null }] });
  });

  it('P9 an opening message is kept without its key', () => {
    const { state } = readAll(STREAM, [up({ text: ' ', 'xi-api-key': 'sk_own', authorization: 'x' })]);
    expect(JSON.stringify(state)).not.toMatch(/sk_own|authorization/);
  });
});
