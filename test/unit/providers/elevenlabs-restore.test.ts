import { describe, expect, it } from 'vitest';
import type { Payload } from '../../../providers/adapter.ts';
import { elevenlabs } from '../../../providers/elevenlabs.ts';
import {
  AGENT,
  begun,
  down,
  MULTI,
  readAll,
  readFixture,
  SCRIBE,
  STREAM,
  up,
  UPSTREAM,
} from './elevenlabs-frames.ts';

describe('P5 restoring', () => {
  const eventsOf = (payloads: readonly Payload[]) =>
    payloads.map((each) => JSON.parse(each as string) as object); // the broker's own frames are text

  it('P5 text-to-speech opens its contexts again, and sends what was not heard', () => {
    const { state } = readAll(MULTI, [
      up({ text: ' ', context_id: 'a', voice_settings: { speed: 1.1 }, xi_api_key: 'sk_own' }),
      up({ text: 'Hello there. ', context_id: 'a', flush: true }),
      down({ audio: 'AAAA', contextId: 'a', alignment: { chars: [...'Hello '] } }),
      up({ text: ' ', context_id: 'b' }),
      up({ text: 'More. ', context_id: 'b' }),
      up({ context_id: 'b', close_context: true }),
    ]);
    const { send, complete } = elevenlabs.restore(state);
    expect(complete).toBe(true);
    expect(eventsOf(send.upstream)).toEqual([
      { text: ' ', context_id: 'a', voice_settings: { speed: 1.1 } },
      { text: 'there. ', context_id: 'a', flush: true },
      { text: ' ', context_id: 'b' },
      { text: 'More. ', context_id: 'b' },
      { context_id: 'b', close_context: true },
    ]);
    expect(send.clients).toEqual([]);
  });

  it('P5 one context ends as it would have; nothing is said twice when nothing tells how far it came', () => {
    const frames = [up({ text: ' ' }), up({ text: 'Hello. ' }), up({ text: '' }), down({ audio: 'AAAA' })];
    const { send } = elevenlabs.restore(readAll(STREAM, frames).state);
    expect(eventsOf(send.upstream)).toEqual([{ text: ' ' }, { text: '' }]);
  });

  it('P5 a context that was too long to keep ends for its clients', () => {
    const { state } = readAll(STREAM, [up({ text: ' ', notes: 'x'.repeat(9000) }), up({ text: 'Hi ' })]);
    const { send } = elevenlabs.restore(state);
    expect(send.upstream).toEqual([]);
    expect(eventsOf(send.clients)).toMatchObject([{ isFinal: true }]);
  });

  it('P5 transcription goes on after what was said, and its second greeting stays here', () => {
    const { state } = readFixture(SCRIBE, 'scribe-turn');
    const begun = elevenlabs.restore(state);
    expect(begun).toMatchObject({ complete: false, send: { upstream: [], clients: [] } });
    expect(elevenlabs.intercepts(begun.state)).toBe(true);
    const greeting = elevenlabs.read(begun.state, UPSTREAM, '{"message_type":"session_started"}');
    expect(greeting).toMatchObject({ route: 'nowhere', restored: true });
    expect(eventsOf(greeting.send?.upstream ?? [])).toMatchObject([{ previous_text: 'Yes.', commit: false }]);
    expect(elevenlabs.intercepts(greeting.state)).toBe(false);
  });

  it('P5 goes on after a loss and after inactivity; never for an agent, nor where the key came in a frame', () => {
    const state = begun(STREAM);
    const resumable = (code: number, reason = '', of = state) => elevenlabs.resumable?.(code, reason, of);
    expect([1001, 1006, 1011, 1012, 1013].map((code) => resumable(code))).not.toContain(false);
    expect(resumable(1008, 'Have not received a new text input within the timeout of 20 seconds.')).toBe(
      true,
    );
    expect([resumable(1000), resumable(1008, 'max_active_conversations')]).toEqual([false, false]);
    expect(resumable(1006, '', begun(AGENT))).toBe(false);
    const keyInFrame = readAll({ ...STREAM, credential: null }, [up({ text: ' ', 'xi-api-key': '[key]' })]);
    expect(resumable(1006, '', keyInFrame.state)).toBe(false);
    const once = { in: 'query', name: 'token' } as const;
    expect(resumable(1006, '', begun({ ...SCRIBE, carrier: once }))).toBe(false);
  });
});
