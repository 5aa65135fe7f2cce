import { describe, expect, it } from 'vitest';
import { at, Drive, only, types } from '../../support/drive-simulator.ts';
import type { JsonObject, JsonValue } from '../../../protocol/json.ts';

describe('session.update', () => {
  it('SIM session.updated is the whole merged session', () => {
    const drive = new Drive('model=sim-support&seed=1');
    const before = at(only(drive.take(), 'session.created'), 'session');
    const [updated] = drive.update({
      instructions: 'Be brief.',
      audio: { input: { noise_reduction: { type: 'near_field' } } },
    });
    const session = at(updated, 'session');
    const audio = at(before, 'audio') as JsonObject; // A session always has it; the created event was checked elsewhere.
    expect(session).toEqual({
      ...(before as JsonObject), // As above.
      instructions: 'Be brief.',
      audio: {
        ...audio,
        input: { ...(audio['input'] as JsonObject), noise_reduction: { type: 'near_field' } },
      },
    });
  });

  it('SIM nested settings merge, a new detector brings its defaults, null turns off', () => {
    const drive = new Drive();
    const detection = (update: JsonValue) =>
      at(
        drive.update({ audio: { input: { turn_detection: update } } })[0],
        'session.audio.input.turn_detection',
      );
    expect(detection({ type: 'server_vad', threshold: 0.8 })).toMatchObject({
      threshold: 0.8,
      silence_duration_ms: 200,
    });
    expect(detection({ silence_duration_ms: 700 })).toMatchObject({
      threshold: 0.8,
      silence_duration_ms: 700,
    });
    expect(detection({ type: 'semantic_vad' })).toEqual({
      type: 'semantic_vad',
      eagerness: 'auto',
      create_response: true,
      interrupt_response: true,
    });
    expect(detection(null)).toBeNull();
  });

  const rejected: readonly (readonly [string, JsonValue, string, string])[] = [
    ['an unknown parameter', { type: 'realtime', foo: 1 }, 'unknown_parameter', 'session.foo'],
    [
      'a beta parameter',
      { type: 'realtime', input_audio_format: 'pcm16' },
      'unknown_parameter',
      'session.input_audio_format',
    ],
    ['a server-set field', { type: 'realtime', id: 'sess_1' }, 'unknown_parameter', 'session.id'],
    ['no type', { instructions: 'x' }, 'missing_required_parameter', 'session.type'],
    ['another type', { type: 'transcription' }, 'invalid_value', 'session.type'],
    [
      'a low rate',
      { type: 'realtime', audio: { input: { format: { type: 'audio/pcm', rate: 16000 } } } },
      'integer_below_min_value',
      'session.audio.input.format.rate',
    ],
    [
      'a bad format',
      { type: 'realtime', audio: { input: { format: { type: 'mp3' } } } },
      'invalid_value',
      'session.audio.input.format.type',
    ],
    [
      'a high threshold',
      { type: 'realtime', audio: { input: { turn_detection: { type: 'server_vad', threshold: 2 } } } },
      'decimal_above_max_value',
      'session.audio.input.turn_detection.threshold',
    ],
    [
      'both modalities',
      { type: 'realtime', output_modalities: ['text', 'audio'] },
      'invalid_value',
      'session.output_modalities',
    ],
    [
      'an unknown voice',
      { type: 'realtime', audio: { output: { voice: 'nobody' } } },
      'invalid_value',
      'session.audio.output.voice',
    ],
    ['a number for text', { type: 'realtime', instructions: 5 }, 'invalid_type', 'session.instructions'],
    [
      'too fast',
      { type: 'realtime', audio: { output: { speed: 3 } } },
      'decimal_above_max_value',
      'session.audio.output.speed',
    ],
    ['no object', 'realtime', 'invalid_type', 'session'],
  ];
  it.each(rejected)('SIM an update with %s is discarded whole', (_name, session, code, param) => {
    const drive = new Drive();
    const before = at(only(drive.take(), 'session.created'), 'session');
    const both =
      typeof session === 'string' ? session : { instructions: 'changed', ...(session as JsonObject) }; // Rows hold objects or text.
    drive.send({ type: 'session.update', event_id: 'u1', session: both });
    expect(only(drive.take(), 'error')['error']).toMatchObject({
      type: 'invalid_request_error',
      code,
      param,
      event_id: 'u1',
    });
    expect(at(drive.update({})[0], 'session')).toEqual(before);
  });

  it('SIM the voice is frozen once it was heard', () => {
    const drive = new Drive();
    const voice = (name: string) => drive.update({ audio: { output: { voice: name } } });
    expect(at(voice('marin')[0], 'session.audio.output.voice')).toBe('marin');
    drive.send({ type: 'response.create' }).until('response.output_audio.delta');
    expect(at(voice('alloy')[0], 'error.code')).toBe('cannot_update_voice');
    expect(types(voice('marin'))).toEqual(['session.updated']);
  });

  it('SIM a real model cannot be changed, a simulated one shrugs', () => {
    const real = new Drive('model=gpt-realtime&seed=1');
    expect(at(real.update({ model: 'gpt-realtime-2' })[0], 'error.param')).toBe('session.model');
    expect(at(new Drive().update({ model: 'gpt-realtime-2' })[0], 'session.model')).toBe('sim-support');
  });
});
