import { parseRealtimeEvent } from '../../../node_modules/@openai/agents-realtime/dist/openaiRealtimeEvents.mjs';
import { describe, expect, it } from 'vitest';
import { at, Drive, only, order, silent, tone, types } from '../../support/drive-simulator.ts';

/** What the client library makes of each frame: one that its schema does not know is "generic", and ignored. */
function generic(drive: Drive): readonly string[] {
  return drive.outputs.flatMap((output) => {
    if (output.kind !== 'send' || typeof output.payload !== 'string') return [];
    const parsed = parseRealtimeEvent({ data: output.payload });
    return parsed.isGeneric ? [output.payload.slice(0, 200)] : [];
  });
}

const TEXT_TURN = [
  'conversation.item.added',
  'conversation.item.done',
  'response.created',
  'response.output_item.added',
  'conversation.item.added',
  'response.content_part.added',
  'response.output_text.delta',
  'response.output_text.done',
  'response.content_part.done',
  'conversation.item.done',
  'response.output_item.done',
  'response.done',
  'rate_limits.updated',
];

describe('text turns', () => {
  it('SIM the first frame is session.created, whole, and expires in an hour', () => {
    const [created] = new Drive('model=gpt-realtime-2.1&seed=1').take();
    expect(created?.['type']).toBe('session.created');
    expect(at(created, 'session.model')).toBe('gpt-realtime-2.1');
    expect(at(created, 'session.expires_at')).toBe(1_795_003_600);
    expect(at(created, 'session.audio.input.turn_detection')).toEqual({
      type: 'server_vad',
      threshold: 0.5,
      prefix_padding_ms: 300,
      silence_duration_ms: 200,
      idle_timeout_ms: null,
      create_response: true,
      interrupt_response: true,
    });
    expect(at(created, 'session.audio.output.voice')).toBe('alloy');
    expect(at(created, 'session.max_output_tokens')).toBe('inf');
  });

  it('SIM a text turn has the captured order, rate limits last', () => {
    const drive = new Drive();
    const events = drive.ask('Say hi', { output_modalities: ['text'] });
    expect(order(events)).toEqual(TEXT_TURN);
    expect(generic(drive)).toEqual([]);
    const [user, , , , assistant] = events;
    expect(user?.['previous_item_id']).toBeNull();
    expect(assistant?.['previous_item_id']).toBe(at(user, 'item.id'));
    expect(at(assistant, 'item.content')).toEqual([]);
    expect(at(only(events, 'response.content_part.added'), 'part')).toEqual({ type: 'text', text: '' });
    const text = String(only(events, 'response.output_text.done')['text']);
    expect(text).toContain('You said: Say hi.');
    expect(text).toContain('2 words');
    const deltas = events.filter((event) => event['type'] === 'response.output_text.delta');
    expect(deltas.map((event) => event['delta']).join('')).toBe(text);
    for (const delta of deltas) {
      expect(delta['obfuscation']).toMatch(/^\w{4,16}$/);
      expect([delta['output_index'], delta['content_index']]).toEqual([0, 0]);
    }
    const done = only(events, 'response.done');
    expect(at(done, 'response.output.0.content')).toEqual([{ type: 'output_text', text }]);
    expect(at(done, 'response.status')).toBe('completed');
  });

  it('SIM a second turn chains previous_item_id to the first', () => {
    const drive = new Drive();
    const first = drive.ask('one', { output_modalities: ['text'] });
    const second = drive.ask('two', { output_modalities: ['text'] });
    const answer = at(only(first, 'response.done'), 'response.output.0.id');
    expect(second[0]?.['previous_item_id']).toBe(answer);
  });

  it('SIM max_output_tokens ends a response as incomplete', () => {
    const events = new Drive().ask('tell me all', { output_modalities: ['text'], max_output_tokens: 3 });
    const done = only(events, 'response.done');
    expect(at(done, 'response.status')).toBe('incomplete');
    expect(at(done, 'response.status_details')).toEqual({ type: 'incomplete', reason: 'max_output_tokens' });
    expect(at(done, 'response.output.0.status')).toBe('incomplete');
    expect(order(events).slice(-6)).toEqual(TEXT_TURN.slice(-6));
  });

  it('SIM a second response in the conversation is refused, one out of band runs beside it', () => {
    const drive = new Drive();
    drive.take();
    drive.send({ type: 'response.create' });
    drive.send({ type: 'response.create', event_id: 'c9' });
    const error = only(drive.take(), 'error');
    expect(at(error, 'error.code')).toBe('conversation_already_has_active_response');
    expect(at(error, 'error.event_id')).toBe('c9');
    drive.send({
      type: 'response.create',
      response: { conversation: 'none', output_modalities: ['text'], metadata: { topic: 'side' }, input: [] },
    });
    const events = drive.pass(60_000).take();
    const done = events.filter((event) => event['type'] === 'response.done');
    expect(done.map((event) => at(event, 'response.metadata'))).toEqual([{ topic: 'side' }, null]);
    expect(at(done[0], 'response.conversation_id')).toBeNull();
    const side = at(done[0], 'response.output.0.id');
    expect(events.some((event) => event['type'] === 'conversation.item.added' && at(event, 'item.id') === side)).toBe(false);
  });

  it('SIM an item_reference in the input is resolved, an unknown one is an error', () => {
    const drive = new Drive();
    drive.send({
      type: 'conversation.item.create',
      item: { id: 'mine', type: 'message', role: 'user', content: [{ type: 'input_text', text: 'bananas' }] },
    });
    const reference = (id: string) => ({ conversation: 'none', output_modalities: ['text'], input: [{ type: 'item_reference', id }] });
    drive.send({ type: 'response.create', response: reference('other') });
    expect(at(only(drive.take(), 'error'), 'error.param')).toBe('response.input[0].id');
    drive.send({ type: 'response.create', response: reference('mine') });
    expect(only(drive.until('response.done').take(), 'response.output_text.done')['text']).toContain('bananas');
  });
});

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
    const plain = types(events).filter((type, index, all) => !type.endsWith('.delta') || !all.slice(0, index).includes(type));
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
    expect(at(only(events, 'response.content_part.added'), 'part')).toEqual({ type: 'audio', transcript: '' });
    const audio = events.filter((event) => event['type'] === 'response.output_audio.delta');
    const ms = audio.reduce((sum, event) => sum + Buffer.from(String(event['delta']), 'base64').length / 48, 0);
    expect(ms).toBeGreaterThan(3000);
    expect(drive.now - stopped).toBeLessThan(ms / 3);
    for (const event of audio) expect(Buffer.from(String(event['delta']), 'base64').length).toBeLessThanOrEqual(7200);
    const transcript = only(events, 'response.output_audio_transcript.done')['transcript'];
    const words = events.filter((event) => event['type'] === 'response.output_audio_transcript.delta');
    expect(words.map((event) => event['delta']).join('')).toBe(transcript);
    const content = at(only(events, 'response.done'), 'response.output.0.content');
    expect(content).toEqual([{ type: 'output_audio', transcript }]);
  });

  it('SIM speech interrupts: the tail of .done events, cancelled turn_detected, then truncation', () => {
    const drive = new Drive();
    drive.send({ type: 'response.create' }).until('response.output_audio.delta').take();
    drive.speak(tone(300));
    const events = drive.take();
    const began = types(events).indexOf('input_audio_buffer.speech_started');
    expect(types(events).slice(began)).toEqual(['input_audio_buffer.speech_started', ...AUDIO_TAIL, 'rate_limits.updated']);
    const done = only(events, 'response.done');
    expect(at(done, 'response.status')).toBe('cancelled');
    expect(at(done, 'response.status_details')).toEqual({ type: 'cancelled', reason: 'turn_detected' });
    expect(at(done, 'response.output.0.status')).toBe('incomplete');
    expect(Number(at(done, 'response.usage.output_token_details.audio_tokens'))).toBeGreaterThan(0);
    const id = String(at(done, 'response.output.0.id'));
    drive.send({ type: 'conversation.item.truncate', item_id: id, content_index: 0, audio_end_ms: 100 });
    expect(only(drive.take(), 'conversation.item.truncated')).toMatchObject({ item_id: id, content_index: 0, audio_end_ms: 100 });
    drive.send({ type: 'conversation.item.retrieve', item_id: id });
    const item = only(drive.take(), 'conversation.item.retrieved');
    expect(Buffer.from(String(at(item, 'item.content.0.audio')), 'base64').length).toBe(4800);
    expect(at(item, 'item.content.0.transcript')).toBe('');
    expect(generic(drive)).toEqual([]);
    drive.speak(tone(300)).speak(silent(400));
    expect(only(drive.until('response.done').take(), 'input_audio_buffer.committed')['previous_item_id']).toBe(id);
  });

  it('SIM interrupt_response false lets the answer go on', () => {
    const drive = new Drive();
    drive.update({ audio: { input: { turn_detection: { interrupt_response: false, create_response: false } } } });
    drive.send({ type: 'response.create' }).until('response.output_audio.delta').take();
    drive.speak(tone(200));
    expect(at(only(drive.until('response.done').take(), 'response.done'), 'response.status')).toBe('completed');
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
    expect(at(events.at(-1), 'response.status_details')).toEqual({ type: 'cancelled', reason: 'client_cancelled' });
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
    expect(types(drive.take())).toEqual(['input_audio_buffer.committed', 'conversation.item.added', 'conversation.item.done']);
    drive.send({ type: 'input_audio_buffer.commit', event_id: 'e' });
    expect(at(only(drive.take(), 'error'), 'error')).toMatchObject({ code: 'input_audio_buffer_commit_empty', event_id: 'e' });
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
      const [first] = events.filter((event) => event['type'] === 'response.output_audio.delta');
      expect(Buffer.from(String(first?.['delta']), 'base64').length).toBe(1200);
    }
  });

  it('SIM sim-echo gives the caller his own sound back', () => {
    const drive = new Drive('model=sim-echo&seed=1');
    drive.speak(tone(800)).speak(silent(400));
    const events = drive.until('response.done').take();
    const sound = Buffer.concat(
      events
        .filter((event) => event['type'] === 'response.output_audio.delta')
        .map((event) => Buffer.from(String(event['delta']), 'base64')),
    );
    const item = only(events, 'input_audio_buffer.committed')['item_id'];
    drive.send({ type: 'conversation.item.retrieve', item_id: String(item) });
    const own = at(only(drive.take(), 'conversation.item.retrieved'), 'item.content.0.audio');
    expect(sound.equals(Buffer.from(String(own), 'base64'))).toBe(true);
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

describe('function calls', () => {
  const weather = {
    type: 'function',
    name: 'get_weather',
    description: 'Weather in a city',
    parameters: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } } },
  };

  it('SIM a tool that the user names is called, and its output is told', () => {
    const drive = new Drive();
    drive.update({ tools: [weather], output_modalities: ['text'] });
    const events = drive.ask('What is the weather in Oslo?');
    expect(order(events)).toEqual([
      'conversation.item.added',
      'conversation.item.done',
      'response.created',
      'response.output_item.added',
      'conversation.item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'conversation.item.done',
      'response.output_item.done',
      'response.done',
      'rate_limits.updated',
    ]);
    const done = only(events, 'response.function_call_arguments.done');
    const given = JSON.parse(String(done['arguments'])) as Record<string, unknown>;
    expect(given['city']).toBe('Oslo');
    expect(Number.isInteger(given['days'])).toBe(true);
    expect(at(only(events, 'response.output_item.done'), 'item')).toMatchObject({
      type: 'function_call',
      status: 'completed',
      name: 'get_weather',
      arguments: done['arguments'] ?? '',
    });
    const callId = String(done['call_id']);
    drive.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: callId, output: '{"c":-2}' } });
    drive.send({ type: 'response.create' });
    const answer = only(drive.until('rate_limits.updated').take(), 'response.output_text.done')['text'];
    expect(answer).toContain('get_weather');
    expect(answer).toContain('c is -2');
    expect(generic(drive)).toEqual([]);
  });

  it('SIM tool_choice is obeyed: none never, required and named always', () => {
    const drive = new Drive();
    const other = { type: 'function', name: 'send_mail', parameters: { type: 'object', properties: {} } };
    drive.update({ tools: [weather, other], output_modalities: ['text'] });
    expect(types(drive.ask('weather please', { tool_choice: 'none' }))).toContain('response.output_text.done');
    expect(at(only(drive.ask('hello', { tool_choice: 'required' }), 'response.done'), 'response.output.0.name')).toBe('get_weather');
    const named = drive.ask('hello', { tool_choice: { type: 'function', name: 'send_mail' } });
    expect(at(only(named, 'response.done'), 'response.output.0')).toMatchObject({ name: 'send_mail', arguments: '{}' });
  });

  it('SIM parallel calls come in one response, with their own output_index', () => {
    const drive = new Drive();
    const mail = { type: 'function', name: 'send_mail', parameters: { type: 'object', properties: {} } };
    drive.update({ tools: [weather, mail], output_modalities: ['text'], parallel_tool_calls: true });
    const events = drive.ask('mail me the weather in Oslo');
    const done = events.filter((event) => event['type'] === 'response.output_item.done');
    expect(done.map((event) => [event['output_index'], at(event, 'item.name')])).toEqual([
      [0, 'get_weather'],
      [1, 'send_mail'],
    ]);
  });

  it('SIM an output for an unknown call is refused', () => {
    const drive = new Drive();
    drive.take();
    drive.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: 'nope', output: '' } });
    expect(at(only(drive.take(), 'error'), 'error.code')).toBe('invalid_tool_call_id');
  });
});

describe('transcription', () => {
  it('SIM input transcription arrives by itself, in deltas that make the transcript', () => {
    const drive = new Drive();
    drive.update({ audio: { input: { transcription: { model: 'gpt-4o-mini-transcribe' } } } });
    drive.speak(tone(3000)).speak(silent(400));
    const events = drive.until('conversation.item.input_audio_transcription.completed').take();
    const done = only(events, 'conversation.item.input_audio_transcription.completed');
    const deltas = events.filter((event) => event['type'] === 'conversation.item.input_audio_transcription.delta');
    expect(deltas.length).toBeGreaterThan(2);
    expect(deltas.map((event) => event['delta']).join('')).toBe(done['transcript']);
    expect(at(done, 'usage.type')).toBe('tokens');
    expect(at(done, 'usage.total_tokens')).toBe(
      Number(at(done, 'usage.input_tokens')) + Number(at(done, 'usage.output_tokens')),
    );
    expect(Number(at(done, 'usage.input_token_details.audio_tokens'))).toBeGreaterThanOrEqual(30);
    expect(generic(drive)).toEqual([]);
    const said = only(drive.until('response.done').take(), 'response.output_audio_transcript.done')['transcript'];
    expect(said).toContain(String(done['transcript']).replace(/[.!?]+$/, ''));
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
    expect(created['session']).toMatchObject({ type: 'transcription', object: 'realtime.transcription_session' });
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
