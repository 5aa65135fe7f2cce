import { describe, expect, it } from 'vitest';
import { member } from '../../../protocol/json.ts';
import { encodeBase64 } from '../../../simulators/base64.ts';
import { encode, readFormat } from '../../../simulators/elevenlabs-audio.ts';
import { Drive } from '../../support/drive-elevenlabs.ts';
import { silent, tone } from '../../support/drive-simulator.ts';

const PATH = 'v1/speech-to-text/realtime?model_id=scribe_v2_realtime&seed=1';

function chunk(samples: Int16Array, formatName = 'pcm_16000') {
  const format = readFormat(formatName);
  if (format === null) throw new Error(formatName);
  return {
    message_type: 'input_audio_chunk',
    audio_base_64: encodeBase64(encode(samples, format)),
    commit: false,
  };
}
const COMMIT = { message_type: 'input_audio_chunk', audio_base_64: '', commit: true };

describe('simulated realtime transcription', () => {
  it('SIM greets with its effective settings', () => {
    expect(new Drive(`${PATH}&audio_format=ulaw_8000&commit_strategy=vad`).events()).toMatchObject([
      {
        message_type: 'session_started',
        config: {
          sample_rate: 8000,
          audio_format: 'ulaw_8000',
          commit_strategy: 'vad',
          model_id: 'scribe_v2_realtime',
        },
      },
    ]);
  });

  it.each(['pcm_16000', 'pcm_48000', 'ulaw_8000'])(
    'SIM partial words, then the committed text: %s',
    (format) => {
      const drive = new Drive(`${PATH}&audio_format=${format}&include_timestamps=true`);
      for (let piece = 0; piece < 30; piece++) drive.send(chunk(tone(100), format));
      drive.send(COMMIT).pass(1000);
      const partial = drive.of('partial_transcript').map(({ text }) => text);
      expect(partial.length).toBeGreaterThan(3);
      expect(partial[0]).toBe('Hello, I');
      expect(drive.of('committed_transcript')).toMatchObject([
        { text: 'Hello, I am calling about an order that has not arrived.' },
      ]);
      const [timed] = drive.of('committed_transcript_with_timestamps');
      expect(member(timed, 'words')).toHaveLength(11);
    },
  );

  it('SIM voice activity commits by itself', () => {
    const drive = new Drive(`${PATH}&commit_strategy=vad&vad_silence_threshold_secs=0.5`);
    for (let piece = 0; piece < 10; piece++) drive.send(chunk(tone(100)));
    for (let piece = 0; piece < 10; piece++) drive.send(chunk(silent(100)));
    drive.pass(1000);
    expect(drive.of('committed_transcript')).toHaveLength(1);
  });

  it('SIM a commit of too little is throttled, and the session goes on; silence has no words', () => {
    const drive = new Drive(PATH).send(chunk(tone(200)), COMMIT);
    expect(drive.of('commit_throttled')).toHaveLength(1);
    expect(drive.closed).toBeNull();
    drive.send(chunk(silent(400)), COMMIT).pass(1000);
    expect(
      new Drive(PATH)
        .send(chunk(silent(400)), COMMIT)
        .pass(1000)
        .of('committed_transcript'),
    ).toEqual([{ message_type: 'committed_transcript', text: '' }]);
    expect(drive.of('committed_transcript')).toHaveLength(1);
  });

  const wrong: readonly (readonly [string, string, unknown, string])[] = [
    ['another message', PATH, { message_type: 'other' }, 'input_error'],
    ['audio that is no base64', PATH, { ...COMMIT, audio_base_64: '*' }, 'input_error'],
    ['audio without end', PATH, { ...COMMIT, audio_base_64: 'A'.repeat(5 << 20) }, 'chunk_size_exceeded'],
    ['another model', PATH.replace('scribe_v2_realtime', 'scribe_v1'), null, 'invalid_request'],
    ['a bad token', `${PATH}&token=bad`, null, 'auth_error'],
    ['too many sessions', `${PATH}&faults=rate_limited`, null, 'rate_limited'],
  ];
  it.each(wrong)('SIM %s is an error of its own kind, then 1008', (_name, path, message, kind) => {
    const drive = new Drive(path);
    if (message !== null) drive.raw(JSON.stringify(message));
    expect(drive.of(kind)).toMatchObject([{ message_type: kind }]);
    expect(drive.closed).toMatchObject({ code: 1008 });
  });

  it('SIM previous_text is for the first chunk, and a session has an end', () => {
    const first = { ...chunk(tone(100)), previous_text: 'Hello' };
    expect(new Drive(PATH).send(first).of('input_error')).toEqual([]);
    expect(new Drive(PATH).send(first, first).of('input_error')).toHaveLength(1);
    const ended = new Drive(`${PATH}&faults=session_expired_after=3`).pass(3000);
    expect(ended.of('session_time_limit_exceeded')).toHaveLength(1);
    expect(ended.closed).toMatchObject({ code: 1008 });
  });
});
