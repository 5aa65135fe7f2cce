import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Payload } from '../../../providers/adapter.ts';
import { betaTranslation } from '../../../providers/openai-beta.ts';

const translation = betaTranslation({ headers: { 'openai-beta': 'realtime=v1' }, subprotocols: [] });
if (translation === null) throw new Error('the signal was not seen');
/** The event in a translated frame, null where the frame is dropped. Events are always text. */
const eventOf = (frame: Payload | null): unknown => {
  if (frame === null) return null;
  if (typeof frame !== 'string') throw new Error('an event became a binary frame');
  return JSON.parse(frame);
};
const up = (event: object): unknown => eventOf(translation.toUpstream(JSON.stringify(event)));
const down = (event: object): unknown => eventOf(translation.toClient(JSON.stringify(event)));

describe('P2 the retired beta dialect', () => {
  it('P2 is translated for clients that signal it, and for no other', () => {
    const of = (header: string, subprotocols: string[] = []) =>
      betaTranslation({ headers: { 'openai-beta': header }, subprotocols });
    expect(of('realtime=v1')).not.toBeNull();
    expect(of('assistants=v2, realtime=v1')).not.toBeNull();
    expect(of('', ['openai-beta.realtime-v1'])).not.toBeNull();
    expect(of('')).toBeNull();
    expect(of('realtime=v2', ['realtime'])).toBeNull();
  });

  it('P2 a flat session becomes a nested one', () => {
    const session = {
      modalities: ['text', 'audio'],
      instructions: 'Be brief.',
      voice: 'alloy',
      input_audio_format: 'pcm16',
      output_audio_format: 'g711_ulaw',
      input_audio_transcription: { model: 'whisper-1' },
      turn_detection: null,
      temperature: 0.8,
      max_response_output_tokens: 'inf',
      tools: [],
    };
    expect(up({ type: 'session.update', event_id: 'e', session })).toEqual({
      type: 'session.update',
      event_id: 'e',
      session: {
        type: 'realtime',
        instructions: 'Be brief.',
        tools: [],
        output_modalities: ['audio'],
        max_output_tokens: 'inf',
        audio: {
          input: {
            format: { type: 'audio/pcm', rate: 24_000 },
            transcription: { model: 'whisper-1' },
            turn_detection: null,
          },
          output: { format: { type: 'audio/pcmu' }, voice: 'alloy' },
        },
      },
    });
  });

  it('P2 a response, an assistant’s item, a transcription session', () => {
    expect(
      up({ type: 'response.create', response: { modalities: ['text'], instructions: 'Tell me a joke' } }),
    ).toEqual({
      type: 'response.create',
      response: { instructions: 'Tell me a joke', output_modalities: ['text'] },
    });
    const item = { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'x' }] };
    expect(up({ type: 'conversation.item.create', item })).toMatchObject({
      item: { content: [{ type: 'output_text' }] },
    });
    const session = { input_audio_format: 'g711_alaw' };
    expect(up({ type: 'transcription_session.update', session })).toEqual({
      type: 'session.update',
      session: { type: 'transcription', audio: { input: { format: { type: 'audio/pcma' } } } },
    });
  });

  it.each([
    ['response.output_text.delta', 'response.text.delta'],
    ['response.output_text.done', 'response.text.done'],
    ['response.output_audio.delta', 'response.audio.delta'],
    ['response.output_audio.done', 'response.audio.done'],
    ['response.output_audio_transcript.delta', 'response.audio_transcript.delta'],
    ['response.output_audio_transcript.done', 'response.audio_transcript.done'],
    ['conversation.item.added', 'conversation.item.created'],
  ])('P2 %s is heard as %s', (ga, beta) => {
    expect(down({ type: ga, delta: 'x' })).toEqual({ type: beta, delta: 'x' });
  });

  it('P2 what beta had no word for is not heard; what both know passes as it is', () => {
    expect(down({ type: 'conversation.item.done' })).toBeNull();
    const frame = '{ "type": "rate_limits.updated", "rate_limits": [] }';
    expect(translation.toClient(frame)).toBe(frame);
    expect(translation.toUpstream(frame)).toBe(frame);
  });

  it('P2 a session and a response are heard flat', () => {
    const audio = {
      input: {
        format: { type: 'audio/pcm', rate: 24_000 },
        transcription: null,
        turn_detection: { type: 'server_vad' },
      },
      output: { format: { type: 'audio/pcmu' }, voice: 'alloy', speed: 1 },
    };
    expect(
      down({
        type: 'session.created',
        session: { type: 'realtime', id: 's', output_modalities: ['audio'], max_output_tokens: 'inf', audio },
      }),
    ).toEqual({
      type: 'session.created',
      session: {
        id: 's',
        modalities: ['text', 'audio'],
        voice: 'alloy',
        speed: 1,
        input_audio_format: 'pcm16',
        output_audio_format: 'g711_ulaw',
        input_audio_transcription: null,
        turn_detection: { type: 'server_vad' },
        max_response_output_tokens: 'inf',
      },
    });
    const output = [{ type: 'message', content: [{ type: 'output_audio', transcript: 'x' }] }];
    expect(
      down({
        type: 'response.done',
        response: { id: 'r', output_modalities: ['audio'], audio: { output: { voice: 'v' } }, output },
      }),
    ).toEqual({
      type: 'response.done',
      response: {
        id: 'r',
        modalities: ['text', 'audio'],
        voice: 'v',
        output: [{ type: 'message', content: [{ type: 'audio', transcript: 'x' }] }],
      },
    });
  });

  it('P1 nothing that comes makes it throw, and a second translation changes nothing', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.json(), fc.string()),
        fc.constantFrom('session.update', 'response.create', 'session.created', 'response.done'),
        (text, type) => {
          const frame = text.startsWith('{')
            ? text.replace('{', `{"type":"${type}","session":{"voice":"x"},`)
            : text;
          const once = translation.toUpstream(frame) ?? '';
          expect(translation.toUpstream(once)).toEqual(once);
          translation.toClient(frame);
        },
      ),
    );
  });
});
