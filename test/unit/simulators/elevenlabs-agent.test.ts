import { describe, expect, it } from 'vitest';
import { asText, member, type JsonObject } from '../../../protocol/json.ts';
import { encodeBase64 } from '../../../simulators/base64.ts';
import { encode } from '../../../simulators/elevenlabs-audio.ts';
import { Drive, isOf } from '../../support/drive-elevenlabs.ts';
import { silent, tone } from '../../support/drive-simulator.ts';

const PATH = 'v1/convai/conversation?agent_id=agent_1&seed=1';
const INITIATION = { type: 'conversation_initiation_client_data' };
const withOverride = (override: JsonObject) => ({ ...INITIATION, conversation_config_override: override });
const QUIET = withOverride({ agent: { first_message: '' } });

const said = (drive: Drive) =>
  drive.of('agent_response').map((event) => asText(member(event['agent_response_event'], 'agent_response')));

/** In 100 ms pieces, in real time. */
function speak(drive: Drive, samples: Int16Array): void {
  for (let at = 0; at < samples.length; at += 2400) {
    const bytes = encode(samples.subarray(at, at + 2400), { kind: 'pcm', rate: 16_000 });
    drive.send({ user_audio_chunk: encodeBase64(bytes) }).pass(100);
  }
}

describe('simulated agent', () => {
  it('SIM the metadata comes first, before anything was sent, and a greeting follows', () => {
    const drive = new Drive(PATH);
    expect(drive.events()).toMatchObject([
      {
        type: 'conversation_initiation_metadata',
        conversation_initiation_metadata_event: {
          agent_output_audio_format: 'pcm_16000',
          user_input_audio_format: 'pcm_16000',
        },
      },
    ]);
    drive.pass(2000);
    expect(said(drive)).toEqual(['Hello, how can I help you today?']);
    const ids = drive.of('audio').map((event) => Number(member(event['audio_event'], 'event_id')));
    expect(ids.length).toBeGreaterThan(2);
    expect(ids).toEqual(ids.toSorted((x, y) => x - y));
  });

  it('SIM overrides: the first message, no first message, what is dictated, text only', () => {
    const first = new Drive(PATH).send(withOverride({ agent: { first_message: 'Good day.' } })).pass(1000);
    expect(said(first)).toEqual(['Good day.']);
    const prompt = { prompt: { prompt: 'Say exactly: "Yes, it is."' }, first_message: '' };
    const text = withOverride({ agent: prompt, conversation: { text_only: true } });
    const drive = new Drive(PATH).send(text, { type: 'user_message', text: 'Is it?' }).pass(2000);
    const parts = drive.of('agent_chat_response_part').map((event) => event['text_response_part']);
    expect(parts.map((part) => member(part, 'type'))).toEqual(['start', 'delta', 'delta', 'delta', 'stop']);
    expect(parts.map((part) => asText(member(part, 'text'))).join('')).toBe('Yes, it is.');
    expect(said(drive)).toEqual(['Yes, it is.']);
    expect(drive.of('audio')).toEqual([]);
  });

  it('SIM a greeting waits a moment for the overrides, and leaves out who spoke meanwhile', () => {
    const drive = new Drive(PATH).send({ type: 'user_message', text: 'Hi' }).pass(3000);
    expect(said(drive)).toHaveLength(1);
    expect(said(drive)[0]).toContain('You said: Hi');
  });

  it('SIM speech is heard, transcribed by a script, and answered', () => {
    const drive = new Drive(PATH).send(QUIET);
    speak(drive, tone(3000));
    speak(drive, silent(1000));
    drive.pass(2000);
    const [transcript] = drive.of('user_transcript');
    const words = asText(member(transcript?.['user_transcription_event'], 'user_transcript')) ?? '';
    expect(words).toBe('Hello, I am calling about an order that has not arrived.');
    expect(said(drive)[0]).toContain('an order that has not arrived');
  });

  it('SIM who speaks while the agent does interrupts it, and a correction tells what was heard', () => {
    const drive = new Drive(PATH).send(INITIATION).until(isOf('audio')).pass(900);
    drive.send({ type: 'user_message', text: 'Stop.' });
    const [interruption] = drive.of('interruption');
    const last = drive.of('audio').at(-1);
    expect(member(interruption?.['interruption_event'], 'event_id')).toBe(
      member(last?.['audio_event'], 'event_id'),
    );
    const correction = drive.of('agent_response_correction')[0]?.['agent_response_correction_event'];
    const heard = asText(member(correction, 'corrected_agent_response')) ?? '';
    expect(heard).toMatch(/^Hello.*\.\.\.$/);
    expect('Hello, how can I help you today?').toContain(heard.slice(0, -3));
    const before = drive.events().length;
    drive.until((event) => event['type'] === 'agent_response', before);
    expect(drive.events()[before]?.['type']).toBe('agent_response');
    expect(said(drive)).toHaveLength(2);
  });

  it('SIM nobody is interrupted who has been heard to the end', () => {
    const drive = new Drive(PATH).send(INITIATION).pass(10_000);
    drive.send({ type: 'pong', event_id: 0 }, { type: 'user_message', text: 'Hi' }).pass(100);
    expect(drive.of('interruption')).toEqual([]);
  });

  it('SIM pings come every three seconds, and silence upon them ends the conversation', () => {
    const answers = new Drive(PATH).send(QUIET);
    for (let second = 0; second < 60; second += 3) {
      answers.pass(3000);
      const id = member(answers.of('ping').at(-1)?.['ping_event'], 'event_id') ?? null;
      answers.send({ type: 'pong', event_id: id });
    }
    expect(answers.of('ping')).toHaveLength(20);
    expect(answers.closed).toBeNull();
    const silentOne = new Drive(PATH).send(QUIET).pass(30_000);
    expect(silentOne.of('error')).toMatchObject([
      { error_event: { code: 1008, error_type: 'transport_receive_timeout' } },
    ]);
    expect(silentOne.closed).toMatchObject({ code: 1008 });
  });

  it('SIM a client tool is called, and its result is told', () => {
    const drive = new Drive(PATH).send(QUIET);
    drive.send({ type: 'user_message', text: 'What is the order status of 17?' });
    const call = drive.of('client_tool_call')[0]?.['client_tool_call'];
    expect(call).toMatchObject({ tool_name: 'get_order_status', parameters: { order_number: '17' } });
    const id = member(call, 'tool_call_id') ?? null;
    drive
      .send({ type: 'client_tool_result', tool_call_id: id, result: 'shipped', is_error: false })
      .pass(500);
    expect(said(drive)[0]).toContain('shipped');
  });

  it('SIM a conversation ends at its longest, and with a message that is none', () => {
    const ended = new Drive(`${PATH}&faults=session_expired_after=5`).send(QUIET).pass(5000);
    expect(ended.of('error')).toMatchObject([{ error_event: { error_type: 'max_duration_exceeded' } }]);
    expect(ended.closed).toMatchObject({ code: 1000 });
    expect(new Drive(PATH).raw('{').closed).toMatchObject({ code: 1008 });
    expect(new Drive(PATH).send({ user_audio_chunk: '***' }).closed).toMatchObject({ code: 1008 });
  });

  it('SIM a message of no known type is let by: the example of the gateway’s documentation sends one', () => {
    const drive = new Drive(PATH).send({ text: 'Hello there', voice_settings: { stability: 0.8 } });
    expect(drive.closed).toBeNull();
  });
});
