import { describe, expect, it } from 'vitest';
import {
  at,
  bytesOf,
  deltas,
  Drive,
  generic,
  only,
  order,
  silent,
  textOf,
  tone,
  types,
} from '../../support/drive-simulator.ts';

const AUDIO_TAIL = [
  'response.output_audio.done',
  'response.output_audio_transcript.done',
  'response.content_part.done',
  'conversation.item.done',
  'response.output_item.done',
  'response.done',
];

describe('audio turns', () => {
  it('SIM a spoken turn has the captured order, and the answer outruns real time', () => {
    const drive = new Drive();
    drive.take();
    drive.speak(silent(400)).speak(tone(1500)).speak(silent(600));
    const stopped = drive.now;
    const events = drive.until('rate_limits.updated').take();
    const plain = types(events).filter(
      (type, index, all) => !type.endsWith('.delta') || !all.slice(0, index).includes(type),
    );
    expect(plain).toEqual([
      'input_audio_buffer.speech_started',
      'input_audio_buffer.speech_stopped',
      'input_audio_buffer.committed',
      'conversation.item.added',
      'conversation.item.done',
      'response.created',
      'response.output_item.added',
      'conversation.item.added',
      'response.content_part.added',
      'response.output_audio_transcript.delta',
      'response.output_audio.delta',
      ...AUDIO_TAIL,
      'rate_limits.updated',
    ]);
    expect(generic(drive)).toEqual([]);
    const started = only(events, 'input_audio_buffer.speech_started');
    expect(started['audio_start_ms']).toBe(100);
    expect(only(events, 'input_audio_buffer.speech_stopped')['audio_end_ms']).toBe(2100);
    const item = started['item_id'];
    expect(only(events, 'input_audio_buffer.committed')['item_id']).toBe(item);
    expect(at(events[3], 'item.content')).toEqual([{ type: 'input_audio', transcript: null }]);
    expect(at(only(events, 'response.content_part.added'), 'part')).toEqual({
      type: 'audio',
      transcript: '',
    });
    const audio = events.filter((event) => event['type'] === 'response.output_audio.delta');
    const ms = audio.reduce((sum, event) => sum + bytesOf(event['delta']).length / 48, 0);
    expect(ms).toBeGreaterThan(3000);
    expect(drive.now - stopped).toBeLessThan(ms / 3);
    for (const event of audio) expect(bytesOf(event['delta']).length).toBeLessThanOrEqual(7200);
    const transcript = only(events, 'response.output_audio_transcript.done')['transcript'];
    expect(deltas(events, 'response.output_audio_transcript.delta').join('')).toBe(transcript);
    const content = at(only(events, 'response.done'), 'response.output.0.content');
    expect(content).toEqual([{ type: 'output_audio', transcript }]);
  });

  it('SIM speech interrupts: the tail of .done events, cancelled turn_detected, then truncation', () => {
    const drive = new Drive();
    drive.send({ type: 'response.create' }).until('response.output_audio.delta').take();
    drive.speak(tone(300));
    const events = drive.take();
    const began = types(events).indexOf('input_audio_buffer.speech_started');
    expect(types(events).slice(began)).toEqual([
      'input_audio_buffer.speech_started',
      ...AUDIO_TAIL,
      'rate_limits.updated',
    ]);
    const done = only(events, 'response.done');
    expect(at(done, 'response.status')).toBe('cancelled');
    expect(at(done, 'response.status_details')).toEqual({ type: 'cancelled', reason: 'turn_detected' });
    expect(at(done, 'response.output.0.status')).toBe('incomplete');
    expect(Number(at(done, 'response.usage.output_token_details.audio_tokens'))).toBeGreaterThan(0);
    const id = textOf(at(done, 'response.output.0.id'));
    drive.send({ type: 'conversation.item.truncate', item_id: id, content_index: 0, audio_end_ms: 100 });
    expect(only(drive.take(), 'conversation.item.truncated')).toMatchObject({
      item_id: id,
      content_index: 0,
      audio_end_ms: 100,
    });
    drive.send({ type: 'conversation.item.retrieve', item_id: id });
    const item = only(drive.take(), 'conversation.item.retrieved');
    expect(bytesOf(at(item, 'item.content.0.audio')).length).toBe(4800);
    expect(at(item, 'item.content.0.transcript')).toBe('');
    expect(generic(drive)).toEqual([]);
    drive.speak(tone(300)).speak(silent(400));
    expect(
      only(drive.until('response.done').take(), 'input_audio_buffer.committed')['previous_item_id'],
    ).toBe(id);
  });

  it('SIM interrupt_response false lets the answer go on', () => {
    const drive = new Drive();
    drive.update({
      audio: { input: { turn_detection: { interrupt_response: false, create_response: false } } },
    });
    drive.send({ type: 'response.create' }).until('response.output_audio.delta').take();
    drive.speak(tone(200));
    expect(at(only(drive.until('response.done').take(), 'response.done'), 'response.status')).toBe(
      'completed',
    );
  });

  it('SIM create_response false commits without an answer', () => {
    const drive = new Drive();
    drive.update({ audio: { input: { turn_detection: { create_response: false } } } });
    drive.speak(tone(500)).speak(silent(400)).pass(5000);
    expect(order(drive.take()).at(-1)).toBe('conversation.item.done');
  });

  it('SIM response.cancel ends what runs, and is an error when nothing does', () => {
    const drive = new Drive();
    drive.send({ type: 'response.create' }).until('response.output_audio.delta').take();
    drive.send({ type: 'response.cancel' });
    const events = drive.take();
    expect(types(events)).toEqual(AUDIO_TAIL);
    expect(at(events.at(-1), 'response.status_details')).toEqual({
      type: 'cancelled',
      reason: 'client_cancelled',
    });
    drive.send({ type: 'response.cancel', event_id: 'late' });
    expect(at(only(drive.take(), 'error'), 'error.code')).toBe('response_cancel_not_active');
    expect(order(drive.pass(5000).take())).toEqual(['rate_limits.updated']);
  });

  it('SIM without turn detection the client commits, and a small or empty buffer is an error', () => {
    const drive = new Drive();
    drive.update({ audio: { input: { turn_detection: null } } });
    drive.speak(tone(1000));
    expect(drive.take()).toEqual([]);
    drive.send({ type: 'input_audio_buffer.commit' });
    expect(types(drive.take())).toEqual([
      'input_audio_buffer.committed',
      'conversation.item.added',
      'conversation.item.done',
    ]);
    drive.send({ type: 'input_audio_buffer.commit', event_id: 'e' });
    expect(at(only(drive.take(), 'error'), 'error')).toMatchObject({
      code: 'input_audio_buffer_commit_empty',
      event_id: 'e',
    });
    drive.speak(tone(1000)).send({ type: 'input_audio_buffer.clear' });
    expect(types(drive.take())).toEqual(['input_audio_buffer.cleared']);
    drive.send({ type: 'input_audio_buffer.commit' });
    expect(at(only(drive.take(), 'error'), 'error.code')).toBe('input_audio_buffer_commit_empty');
  });

  it('SIM semantic_vad waits longer before it ends a turn', () => {
    const drive = new Drive();
    drive.update({ audio: { input: { turn_detection: { type: 'semantic_vad' } } } });
    drive.speak(tone(500)).speak(silent(600));
    expect(types(drive.take())).toEqual(['input_audio_buffer.speech_started']);
    drive.speak(silent(400));
    expect(types(drive.take())).toContain('input_audio_buffer.speech_stopped');
  });

  it('SIM G.711 goes in and comes out', () => {
    const drive = new Drive();
    for (const format of ['audio/pcmu', 'audio/pcma'] as const) {
      drive.update({ audio: { input: { format: { type: format } }, output: { format: { type: format } } } });
      drive.speak(tone(700), format).speak(silent(400), format);
      const events = drive.until('rate_limits.updated').take();
      expect(types(events)).toContain('input_audio_buffer.speech_stopped');
      const item = only(events, 'input_audio_buffer.committed')['item_id'] ?? '';
      drive.send({ type: 'conversation.item.retrieve', item_id: item });
      const own = bytesOf(at(only(drive.take(), 'conversation.item.retrieved'), 'item.content.0.audio'));
      // 700 ms of tone and the 200 ms of silence that ended it, at 8 bytes a ms; a new encoding begins a new buffer.
      expect(own.length).toBe(7200);
      const [first] = events.filter((event) => event['type'] === 'response.output_audio.delta');
      expect(bytesOf(first?.['delta']).length).toBe(1200);
    }
  });

  it('SIM sim-echo gives the caller his own sound back', () => {
    const drive = new Drive('model=sim-echo&seed=1');
    drive.speak(tone(800)).speak(silent(400));
    const events = drive.until('response.done').take();
    const sound = Buffer.concat(
      events
        .filter((event) => event['type'] === 'response.output_audio.delta')
        .map((event) => bytesOf(event['delta'])),
    );
    const item = only(events, 'input_audio_buffer.committed')['item_id'];
    drive.send({ type: 'conversation.item.retrieve', item_id: textOf(item) });
    const own = at(only(drive.take(), 'conversation.item.retrieved'), 'item.content.0.audio');
    expect(sound.equals(bytesOf(own))).toBe(true);
  });

  it('SIM idle_timeout_ms makes it speak again after the answer was played', () => {
    const drive = new Drive();
    drive.update({ audio: { input: { turn_detection: { idle_timeout_ms: 5000 } } } });
    drive.send({ type: 'response.create' }).until('response.done').take();
    const ended = drive.now;
    const events = drive.until('input_audio_buffer.timeout_triggered').take();
    expect(drive.now - ended).toBeGreaterThan(6000);
    expect(order(events)).toEqual([
      'rate_limits.updated',
      'input_audio_buffer.timeout_triggered',
      'input_audio_buffer.committed',
      'conversation.item.added',
      'conversation.item.done',
      'response.created',
    ]);
  });
});

describe('transcription', () => {
  it('SIM input transcription arrives by itself, in deltas that make the transcript', () => {
    const drive = new Drive();
    drive.update({ audio: { input: { transcription: { model: 'gpt-4o-mini-transcribe' } } } });
    drive.speak(tone(3000)).speak(silent(400));
    const events = drive.until('conversation.item.input_audio_transcription.completed').take();
    const done = only(events, 'conversation.item.input_audio_transcription.completed');
    const parts = deltas(events, 'conversation.item.input_audio_transcription.delta');
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.join('')).toBe(done['transcript']);
    expect(at(done, 'usage.type')).toBe('tokens');
    expect(at(done, 'usage.total_tokens')).toBe(
      Number(at(done, 'usage.input_tokens')) + Number(at(done, 'usage.output_tokens')),
    );
    expect(Number(at(done, 'usage.input_token_details.audio_tokens'))).toBeGreaterThanOrEqual(30);
    expect(generic(drive)).toEqual([]);
    const said = only(drive.until('response.done').take(), 'response.output_audio_transcript.done')[
      'transcript'
    ];
    expect(said).toContain(textOf(done['transcript']).replace(/[.!?]+$/, ''));
  });

  it('SIM nothing is said of an item that was deleted', () => {
    const drive = new Drive();
    drive.update({ audio: { input: { turn_detection: null, transcription: { model: 'whisper-1' } } } });
    drive.speak(tone(2000)).send({ type: 'input_audio_buffer.commit' });
    const item = only(drive.take(), 'input_audio_buffer.committed')['item_id'] ?? '';
    drive.send({ type: 'conversation.item.delete', item_id: item }).pass(10_000);
    expect(types(drive.take())).toEqual(['conversation.item.deleted']);
  });

  it('SIM minute-priced models report seconds', () => {
    for (const model of ['whisper-1', 'gpt-realtime-whisper']) {
      const drive = new Drive();
      drive.update({ audio: { input: { turn_detection: null, transcription: { model } } } });
      drive.speak(tone(2000)).send({ type: 'input_audio_buffer.commit' });
      const done = only(
        drive.until('conversation.item.input_audio_transcription.completed').take(),
        'conversation.item.input_audio_transcription.completed',
      );
      expect(done['usage']).toEqual({ type: 'duration', seconds: 2 });
    }
  });

  it('SIM a transcription session only transcribes: no response, no rate limits', () => {
    const drive = new Drive('intent=transcription&seed=1');
    const created = only(drive.take(), 'session.created');
    expect(created['session']).toMatchObject({
      type: 'transcription',
      object: 'realtime.transcription_session',
    });
    expect(at(created, 'session.audio.input.turn_detection.create_response')).toBeUndefined();
    drive.send({
      type: 'session.update',
      session: { type: 'transcription', audio: { input: { transcription: { model: 'gpt-4o-transcribe' } } } },
    });
    expect(types(drive.take())).toEqual(['session.updated']);
    drive.speak(tone(1500)).speak(silent(400)).pass(10_000);
    expect(order(drive.take())).toEqual([
      'input_audio_buffer.speech_started',
      'input_audio_buffer.speech_stopped',
      'input_audio_buffer.committed',
      'conversation.item.added',
      'conversation.item.done',
      'conversation.item.input_audio_transcription.delta',
      'conversation.item.input_audio_transcription.completed',
    ]);
    drive.send({ type: 'response.create' });
    expect(types(drive.take())).toEqual(['error']);
    expect(generic(drive)).toEqual([]);
  });
});
