import { describe, expect, it } from 'vitest';
import { providerFor } from '../../../providers/registry.ts';
import { asDialled } from '../../../replay/as-dialled.ts';
import { audioTest } from '../../../replay/audio-test.ts';
import { frameName } from '../../../replay/frame-name.ts';
import { Partner } from '../../../replay/partner.ts';

const never = () => false;
describe('P3 what a frame is called', () => {
  it.each([
    ['{"event_id":"x","type":"response.create"}', 'response.create'],
    ['{"setup":{"model":"m"}}', 'setup'],
    ['{"client_content":{}}', 'clientContent'],
    ['{"clientContent":{}}', 'clientContent'],
    ['no JSON', 'text'],
    ['[1]', 'text'],
    ['{}', 'text'],
    ['{"type":7,"x":1}', 'type'],
  ])('P3 %s is %s', (payload, name) => {
    expect(frameName(payload, never)).toBe(name);
  });

  it('P3 a binary frame that is no audio is binary', () => {
    expect(frameName(new ArrayBuffer(2), never)).toBe('binary');
  });

  const audio = btoa('\0'.repeat(960));
  it.each([
    ['openai', '', `{"type":"input_audio_buffer.append","audio":"${audio}"}`],
    ['google', '', `{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=16000","data":"${audio}"}}}`],
    ['elevenlabs', 'v1/convai/conversation', `{"user_audio_chunk":"${audio}"}`],
    ['deepgram', 'v1/listen', new ArrayBuffer(640)],
    ['assemblyai', 'v3/ws', new ArrayBuffer(640)],
    ['cartesia', 'stt/websocket', new ArrayBuffer(640)],
  ])('P3 audio to %s is audio, by its adapter', (provider, path, payload) => {
    const isAudio = audioTest(providerFor(provider, {}), asDialled({ path, query: [] }));
    expect(frameName(payload, isAudio)).toBe('audio');
    expect(frameName('{"type":"response.create"}', isAudio)).toBe('response.create');
  });
});

describe('P3 the client of a lockstep replay', () => {
  it('P3 is met when it has sent the frame, before or after it is awaited', () => {
    const partner = new Partner(8);
    expect(partner.meet('a')).toEqual({ isMet: false, unexpected: [] });
    partner.sent('a');
    partner.sent('b');
    expect(partner.meet('a')).toEqual({ isMet: true, unexpected: [] });
    expect(partner.meet('b')).toEqual({ isMet: true, unexpected: [] });
    expect(partner.meet('b').isMet).toBe(false);
  });

  it('P3 what it sends out of turn is told once, and may be awaited later', () => {
    const partner = new Partner(8);
    partner.sent('b');
    expect(partner.meet('a')).toEqual({ isMet: false, unexpected: ['b'] });
    expect(partner.meet('a')).toEqual({ isMet: false, unexpected: [] });
    partner.sent('a');
    expect(partner.meet('a')).toEqual({ isMet: true, unexpected: [] });
    expect(partner.meet('b').isMet).toBe(true);
  });

  it('P3 what it sends before its turn, together with what is awaited, is told too', () => {
    const partner = new Partner(8);
    partner.sent('x');
    partner.sent('a');
    expect(partner.meet('a')).toEqual({ isMet: true, unexpected: ['x'] });
  });

  it('P3 a run of audio counts once on both sides, and is out of turn nowhere', () => {
    const partner = new Partner(8);
    for (let piece = 0; piece < 500; piece += 1) partner.sent('audio');
    expect(['audio', 'audio', 'audio', 'commit', 'audio'].map((name) => partner.awaits(name))).toEqual([
      true,
      false,
      false,
      true,
      true,
    ]);
    expect(partner.meet('audio').isMet).toBe(true);
    expect(partner.meet('audio').isMet).toBe(false);
    for (let piece = 0; piece < 500; piece += 1) partner.sent('audio');
    partner.sent('commit');
    expect(partner.meet('commit')).toEqual({ isMet: true, unexpected: [] });
  });

  it('P10 names that nobody awaits are kept up to the limit, the newest of them', () => {
    const partner = new Partner(3);
    for (const name of ['a', 'b', 'c']) partner.sent(name);
    expect(partner.meet('a').isMet).toBe(true);
    for (const name of ['d', 'e']) partner.sent(name);
    expect(partner.meet('b').isMet).toBe(false);
    expect(partner.meet('e').isMet).toBe(true);
  });
});
