import { NO_LIFE } from '../../contract/provider-contract.ts';
import { describe, expect, it } from 'vitest';
import { elevenlabs } from '../../../providers/elevenlabs.ts';
import {
  AGENT,
  begun,
  down,
  MULTI,
  ofKind,
  readAll,
  readFixture,
  SCRIBE,
  STREAM,
  up,
  UPSTREAM,
} from './elevenlabs-frames.ts';

/** Counted of a session that ends after these frames. */
function charactersIn(about: Parameters<typeof readAll>[0], frames: Parameters<typeof readAll>[1]): number {
  const { state, observed } = readAll(about, frames);
  const all = [...observed, ...(elevenlabs.atEnd?.(state, NO_LIFE) ?? [])];
  return ofKind(all, 'usage').reduce(
    (sum, each) =>
      sum + (each.kind === 'usage' && each.usage.unit === 'characters' ? each.usage.characters : 0),
    0,
  );
}

describe('P8 what is read of text-to-speech', () => {
  it('P8 characters of text, and of nothing else; audio by its format; one response a context', () => {
    const { observed } = readFixture(STREAM, 'stream-turn');
    expect(ofKind(observed, 'usage').map((each) => each.kind === 'usage' && each.usage)).toEqual([
      { unit: 'characters', characters: 21 },
      { unit: 'characters', characters: 12 },
    ]);
    expect(ofKind(observed, 'audio')[0]).toMatchObject({ speaker: 'model', bytes: 3200, ms: 100 });
    expect(ofKind(observed, 'usage')[0]).toMatchObject({ source: 'measured', model: 'eleven_flash_v2_5' });
    expect(observed.map(({ kind }) => kind).filter((kind) => kind !== 'audio' && kind !== 'usage')).toEqual([
      'asked',
      'response.started',
      'response.output',
      'transcript',
      'response.ended',
    ]);
    expect(ofKind(observed, 'transcript')[0]).toMatchObject({ text: 'Hello there General. ¿Qué tal? 👋 ' });
  });

  it('P8 compressed audio has no length that is known', () => {
    const { observed } = readFixture({ ...STREAM, query: [] }, 'stream-turn');
    expect(ofKind(observed, 'audio')[0]).toMatchObject({ bytes: 3200, ms: null });
  });

  it('P8 contexts are apart, whatever the spelling of their names', () => {
    const { observed } = readFixture(MULTI, 'multi-contexts');
    expect(ofKind(observed, 'response.ended')).toEqual([
      { kind: 'response.ended', responseId: 'ctx_a', outcome: 'completed' },
      { kind: 'response.ended', responseId: 'ctx_b', outcome: 'completed' },
    ]);
    expect(ofKind(observed, 'transcript')).toMatchObject([
      { itemId: 'ctx_a', text: 'Hello from a. ' },
      { itemId: 'ctx_b', text: 'Hello from b. ' },
    ]);
  });

  it('P8 of a context that is one too many nothing is counted, nor of what came after it; of one that is spoken all is', () => {
    const say = (id: string) => up({ text: 'Hello. ', context_id: id });
    const six = ['a', 'b', 'c', 'd', 'e', 'f', 'a'].map(say);
    const refused = { message: 'Maximum', error: 'max_active_conversations', code: 1008 };
    const charactersOf = (frames: Parameters<typeof readAll>[1]) => charactersIn(MULTI, frames);
    expect(charactersOf([...six, down(refused)])).toBe(5 * 7);
    expect(charactersOf([...six, up({ text: 'Hello. ', context_id: 'f', flush: true }), down(refused)])).toBe(
      5 * 7,
    );
    expect(charactersOf([...six, down({ audio: 'AAAA', contextId: 'f' })])).toBe(7 * 7);
    // Nothing says that it was refused.
    expect(charactersOf(six)).toBe(7 * 7);
  });

  it('P8 a context whose end crossed another text for it may be open again, and be one of the five', () => {
    const say = (id: string) => up({ text: 'Hello. ', context_id: id });
    const refused = { message: 'Maximum', error: 'max_active_conversations', code: 1008 };
    const five = ['a', 'b', 'c', 'd', 'e'].map(say);
    const close = up({ context_id: 'e', close_context: true });
    const end = down({ isFinal: true, contextId: 'e' });
    expect(charactersIn(MULTI, [...five, close, say('e'), end, say('f'), down(refused)])).toBe(6 * 7);
    expect(charactersIn(MULTI, [...five, close, end, say('f'), down(refused)])).toBe(6 * 7);
    // Its second end: it was open again, and is no more.
    expect(charactersIn(MULTI, [...five, close, say('e'), end, end, say('f'), down(refused)])).toBe(7 * 7);
  });

  it('P8 an opening message with the text of a later one counts when it is spoken, and not when it is refused', () => {
    const opening = up({ text: 'Hello. ' });
    const refused = { message: 'The first message', error: 'invalid_input_message', code: 1008 };
    expect(charactersIn(STREAM, [opening, opening, down(refused)])).toBe(0);
    expect(charactersIn(STREAM, [opening, opening, down({ audio: 'AAAA' })])).toBe(14);
    expect(charactersIn(STREAM, [up({ text: ' ' }), opening, down(refused)])).toBe(7);
  });

  it('P8 an error is observed, and what was open has failed', () => {
    expect(ofKind(readFixture(STREAM, 'stream-error').observed, 'error', 'response.ended')).toMatchObject([
      { code: 'input_timeout_exceeded' },
      { outcome: 'failed' },
    ]);
    expect(ofKind(readFixture(MULTI, 'multi-sixth').observed, 'error')).toMatchObject([
      { code: 'max_active_conversations' },
    ]);
  });

  it('P8 a session that ends early tells what was sent, and what was heard of it', () => {
    const { state } = readAll(STREAM, [
      up({ text: ' ' }),
      up({ text: 'Hello there. ' }),
      down({ audio: 'AAAA', alignment: { chars: [...'Hello'] } }),
    ]);
    expect(elevenlabs.atEnd?.(state, NO_LIFE)).toMatchObject([
      { kind: 'transcript', text: 'Hello' },
      { kind: 'response.ended', outcome: 'incomplete' },
      { kind: 'usage', usage: { characters: 13 } },
    ]);
  });

  it('P8 text after the end is not taken, and not counted; a new socket takes text again', () => {
    const counted = (about: typeof STREAM, ...events: readonly object[]) => {
      const { state, observed } = readAll(about, events.map(up));
      return [...observed, ...(elevenlabs.atEnd?.(state, NO_LIFE) ?? [])].flatMap((each) =>
        each.kind === 'usage' ? [each.usage] : [],
      );
    };
    expect(counted(STREAM, { text: ' ' }, { text: 'four' }, { text: '' }, { text: 'late' })).toEqual([
      { unit: 'characters', characters: 4 },
    ]);
    expect(counted(MULTI, { text: 'four' }, { close_socket: true }, { text: 'late' })).toEqual([
      { unit: 'characters', characters: 4 },
    ]);
    const over = readAll(STREAM, [up({ text: ' ' }), up({ text: '' }), down({ isFinal: true })]).state;
    expect(elevenlabs.restore(over).state).toMatchObject({ isOver: false });
  });

  it('P8 an answer is owed from the end of the text to the final message', () => {
    const open = [up({ text: ' ' }), up({ text: 'Hi ' })];
    expect(elevenlabs.owes(readAll(STREAM, open).state)).toBe(false);
    const closing = [...open, up({ text: '' })];
    expect(elevenlabs.owes(readAll(STREAM, closing).state)).toBe(true);
    expect(elevenlabs.owes(readAll(STREAM, [...closing, down({ isFinal: true })]).state)).toBe(false);
  });
});

describe('P8 what is read of an agent', () => {
  it('P8 transcripts, turns, tools, and audio in the formats that the provider named', () => {
    const { state, observed } = readFixture(AGENT, 'agent-turn');
    expect(ofKind(observed, 'transcript').map((each) => each.kind === 'transcript' && each.text)).toEqual([
      'Hello, how can I help?',
      'Where is my order?',
      'It has shipped.',
      'You are welcome.',
    ]);
    expect(ofKind(observed, 'response.ended')).toHaveLength(2);
    expect(elevenlabs.atEnd?.(state, NO_LIFE)).toEqual([
      { kind: 'response.ended', responseId: 'response_3', outcome: 'completed' },
    ]);
    expect(ofKind(observed, 'tool.called')).toEqual([
      { kind: 'tool.called', callId: 'call_1', name: 'get_order_status' },
    ]);
    expect(ofKind(observed, 'audio').slice(0, 2)).toMatchObject([
      { speaker: 'model', ms: 100 },
      { speaker: 'user', ms: 100 },
    ]);
  });

  it('P8 a conversation costs the time for which it is open, measured, under the name that has the price', () => {
    const { state } = readFixture(AGENT, 'agent-turn');
    expect(elevenlabs.atEnd?.(state, { openMs: 90_500, audioInMs: 0 })).toContainEqual({
      kind: 'usage',
      dedupeKey: 'conversation',
      purpose: 'response',
      model: 'agents',
      usage: { unit: 'seconds', seconds: 90.5 },
      source: 'measured',
      raw: { connected_seconds: 90.5 },
    });
  });

  it('P8 an interruption ends a response, a correction says what was heard; errors in both shapes', () => {
    const { observed } = readFixture(AGENT, 'agent-interruption');
    expect(ofKind(observed, 'response.ended')).toMatchObject([{ outcome: 'interrupted' }]);
    expect(ofKind(observed, 'transcript')[1]).toMatchObject({ itemId: 'agent_1', text: 'Hello there...' });
    expect(ofKind(observed, 'error')).toMatchObject([
      { code: 'error', message: 'received 1002 (protocol error) quota exceeded' },
      { code: 'max_duration_exceeded', message: 'The conversation took too long.' },
    ]);
  });

  it('P8 a text conversation has text as its first output', () => {
    expect(ofKind(readFixture(AGENT, 'agent-text').observed, 'response.output')).toEqual([
      { kind: 'response.output', responseId: 'response_1', of: 'text' },
    ]);
  });

  it('P5 a ping is answered while nobody is there, and nothing else is', () => {
    expect(elevenlabs.unattended?.answer?.('{"type":"ping","ping_event":{"event_id":7}}')).toBe(
      '{"type":"pong","event_id":7}',
    );
    expect(elevenlabs.unattended?.answer?.('{"type":"audio","x":"ping"}')).toBeNull();
  });

  it('P7 a client that comes late gets the provider’s greeting, and its own initiation stays here', () => {
    const frame = JSON.stringify({
      type: 'conversation_initiation_metadata',
      conversation_initiation_metadata_event: { conversation_id: 'conv_1' },
    });
    const { state } = readAll(AGENT, [[UPSTREAM, frame]]);
    expect(elevenlabs.greeting?.(begun(AGENT), 'none')).toEqual([]);
    expect(elevenlabs.greeting?.(state, 'none')).toEqual([frame]);
    const matches = (event: object) => elevenlabs.once?.matches(JSON.stringify(event));
    expect(matches({ type: 'conversation_initiation_client_data' })).toBe(true);
    expect(matches({ type: 'user_message', text: 'conversation_initiation_client_data' })).toBe(false);
  });
});

describe('P8 what is read of transcription', () => {
  it('P8 a segment counts once, however many events tell it', () => {
    const { state, observed } = readFixture(SCRIBE, 'scribe-turn');
    expect(ofKind(observed, 'transcript')).toMatchObject([
      { speaker: 'user', itemId: 'segment_1', text: 'Hello world.' },
      { speaker: 'user', itemId: 'segment_2', text: 'Yes.' },
    ]);
    expect(ofKind(observed, 'usage')).toMatchObject([
      { usage: { seconds: 0.2 }, source: 'measured' },
      { usage: { seconds: 0.05 } },
    ]);
    expect(ofKind(observed, 'error')).toMatchObject([{ code: 'commit_throttled' }]);
    expect(elevenlabs.owes(state)).toBe(false);
  });

  it('P8 audio that was never committed is told at the end', () => {
    const chunk = { message_type: 'input_audio_chunk', audio_base_64: Buffer.alloc(3200).toString('base64') };
    const { state } = readAll(SCRIBE, [
      up(chunk),
      down({ message_type: 'partial_transcript', text: 'Hel' }),
      up({ ...chunk, audio_base_64: '', commit: true }),
    ]);
    expect(elevenlabs.owes(state)).toBe(true);
    expect(elevenlabs.atEnd?.(state, NO_LIFE)).toMatchObject([
      { kind: 'response.ended', outcome: 'incomplete' },
      { kind: 'usage', usage: { unit: 'seconds', seconds: 0.1 } },
    ]);
  });
});
