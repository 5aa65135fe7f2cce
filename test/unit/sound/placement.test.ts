/** Where sound is played: by arrival, after what came before, and no further than it was heard. */
import { describe, expect, it } from 'vitest';
import { deepgram } from '../../../providers/deepgram.ts';
import { elevenlabs } from '../../../providers/elevenlabs.ts';
import { gemini } from '../../../providers/gemini.ts';
import { openai } from '../../../providers/openai.ts';
import { cartesia } from '../../../providers/cartesia.ts';
import { base64Of, play, ramp, readWav, Tape } from '../../support/taped-call.ts';

const append = (samples: Int16Array) => ({ type: 'input_audio_buffer.append', audio: base64Of(samples) });
const delta = (samples: Int16Array, item = 'item_1') => ({
  type: 'response.output_audio.delta',
  response_id: 'resp_1',
  item_id: item,
  delta: base64Of(samples),
});
const MS = 24;

async function heard(tape: Tape) {
  return readWav((await play(tape.log())).bytes);
}

/** Where the samples stand in the channel; everything else in it must be silence. */
function placesOf(channel: Int16Array, ...pieces: readonly (readonly [at: number, samples: Int16Array])[]) {
  const expected = new Int16Array(channel.length);
  for (const [at, samples] of pieces) expected.set(samples, at);
  expect(Buffer.compare(Buffer.from(channel.buffer), Buffer.from(expected.buffer))).toBe(0);
}

describe('P3 a session can be heard as it was', () => {
  it('P3 what users said is where it arrived, what the model said follows what it said before', async () => {
    const [said, first, second, later] = [
      ramp(50 * MS),
      ramp(300 * MS, 2),
      ramp(200 * MS, 3),
      ramp(100 * MS, 4),
    ];
    const wav = await heard(
      new Tape(openai)
        .up(100, append(said))
        .down(500, delta(first))
        .down(510, delta(second))
        .down(3_000, delta(later)),
    );
    expect(wav.rate).toBe(24_000);
    placesOf(wav.left, [100 * MS, said]);
    placesOf(wav.right, [500 * MS, first], [800 * MS, second], [3_000 * MS, later]);
    expect(wav.left.length).toBe(3_100 * MS);
  });

  it('P3 a microphone whose pieces jitter is heard without breaks, and one that paused with its pause', async () => {
    const pieces = [0, 1, 2, 3].map((seed) => ramp(20 * MS, seed));
    const [one, two, three, four] = pieces as [Int16Array, Int16Array, Int16Array, Int16Array];
    const wav = await heard(
      new Tape(openai).up(10, append(one)).up(75, append(two)).up(76, append(three)).up(400, append(four)),
    );
    placesOf(wav.left, [10 * MS, one], [30 * MS, two], [50 * MS, three], [400 * MS, four]);
  });

  it('P7 users who speak at once are mixed, and full scale is full scale', async () => {
    const loud = new Int16Array(100 * MS).fill(30_000);
    const wav = await heard(new Tape(openai).up(0, append(loud), 1).up(50, append(loud), 2));
    expect(wav.left.subarray(0, 50 * MS).every((sample) => sample === 30_000)).toBe(true);
    expect(wav.left.subarray(50 * MS, 100 * MS).every((sample) => sample === 32_767)).toBe(true);
    expect(wav.left.subarray(100 * MS, 150 * MS).every((sample) => sample === 30_000)).toBe(true);
    expect(wav.left.length).toBe(150 * MS);
  });
});

describe('P3 what was interrupted is heard no further', () => {
  const answer = ramp(1_000 * MS, 5);
  const next = ramp(100 * MS, 6);
  const started = { type: 'input_audio_buffer.speech_started', item_id: 'item_u', audio_start_ms: 0 };

  it('P3 OpenAI: from speech_started on, late deltas of it too', async () => {
    const wav = await heard(
      new Tape(openai)
        .down(100, delta(answer))
        .down(400, started)
        .down(410, delta(answer))
        .down(900, delta(next, 'item_2')),
    );
    placesOf(wav.right, [100 * MS, answer.subarray(0, 300 * MS)], [900 * MS, next]);
  });

  it('P3 OpenAI: where the player says that it stopped, if it says so', async () => {
    const truncate = {
      type: 'conversation.item.truncate',
      item_id: 'item_1',
      content_index: 0,
      audio_end_ms: 320,
    };
    const wav = await heard(
      new Tape(openai)
        .down(100, delta(answer))
        .down(400, started)
        .up(450, truncate)
        .down(460, { ...truncate, type: 'conversation.item.truncated' })
        .down(500, delta(next, 'item_2')),
    );
    placesOf(wav.right, [100 * MS, answer.subarray(0, 320 * MS)], [500 * MS, next]);
  });

  it('P3 OpenAI: nobody has played what is yet to come, and nothing is cut where speech does not interrupt', async () => {
    const truncate = { type: 'conversation.item.truncate', item_id: 'item_1', audio_end_ms: 9_000 };
    const cut = await heard(new Tape(openai).down(100, delta(answer)).up(300, truncate));
    placesOf(cut.right, [100 * MS, answer.subarray(0, 200 * MS)]);
    const detection = { type: 'server_vad', interrupt_response: false };
    const session = { type: 'realtime', audio: { input: { turn_detection: detection } } };
    const whole = await heard(
      new Tape(openai)
        .down(0, { type: 'session.updated', session })
        .down(100, delta(answer))
        .down(400, started),
    );
    placesOf(whole.right, [100 * MS, answer]);
  });

  it('P3 OpenAI: by response.cancel, and by the end of the session all the same', async () => {
    const wav = await heard(new Tape(openai).down(100, delta(answer)).up(350, { type: 'response.cancel' }));
    placesOf(wav.right, [100 * MS, answer.subarray(0, 250 * MS)]);
    expect(wav.right.length).toBe(350 * MS);
  });

  it('P3 Gemini: from `interrupted` on', async () => {
    const part = (samples: Int16Array) => ({
      serverContent: {
        modelTurn: { parts: [{ inlineData: { mimeType: 'audio/pcm;rate=24000', data: base64Of(samples) } }] },
      },
    });
    const wav = await heard(
      new Tape(gemini)
        .down(0, part(answer))
        .down(250, { serverContent: { interrupted: true } })
        .down(255, part(answer))
        .down(260, { serverContent: { turnComplete: true } })
        .down(700, part(next)),
    );
    placesOf(wav.right, [0, answer.subarray(0, 250 * MS)], [700 * MS, next]);
  });

  it('P3 ElevenLabs: what the interruption names, and nothing that comes after it', async () => {
    const event = (samples: Int16Array, id: number) => ({
      type: 'audio',
      audio_event: { audio_base_64: base64Of(samples), event_id: id },
    });
    const wav = await heard(
      new Tape(elevenlabs, { path: 'v1/convai/conversation', query: [['agent_id', 'a']] })
        .down(0, {
          type: 'conversation_initiation_metadata',
          conversation_initiation_metadata_event: {
            agent_output_audio_format: 'pcm_24000',
            user_input_audio_format: 'pcm_16000',
          },
        })
        .down(100, event(answer, 1))
        .down(300, { type: 'interruption', interruption_event: { event_id: 2 } })
        .down(310, event(answer, 2))
        .down(600, event(next, 3)),
    );
    placesOf(wav.right, [100 * MS, answer.subarray(0, 200 * MS)], [600 * MS, next]);
  });

  it('P3 Deepgram: the agent, from UserStartedSpeaking on; speech, from Clear on', async () => {
    const binary = (samples: Int16Array) => new Uint8Array(samples.buffer.slice(0)).buffer;
    const agent = await heard(
      new Tape(deepgram, { path: 'v1/agent/converse', query: [] })
        .up(0, { type: 'Settings', audio: {} })
        .down(100, { type: 'AgentStartedSpeaking' })
        .down(100, binary(answer))
        .down(200, { type: 'UserStartedSpeaking' })
        .down(210, binary(answer))
        .down(800, { type: 'ConversationText', role: 'user', content: 'Stop.' })
        .down(900, binary(next)),
    );
    placesOf(agent.right, [100 * MS, answer.subarray(0, 100 * MS)], [900 * MS, next]);
    const speech = await heard(
      new Tape(deepgram, { path: 'v1/speak', query: [] })
        .down(100, binary(answer))
        .up(200, { type: 'Clear' })
        .down(210, binary(answer))
        .down(220, { type: 'Cleared' })
        .down(900, binary(next)),
    );
    placesOf(speech.right, [100 * MS, answer.subarray(0, 100 * MS)], [900 * MS, next]);
  });

  it('P3 Cartesia: the context that was cancelled, and no other; those that follow each other are queued', async () => {
    const format = { container: 'raw', encoding: 'pcm_s16le', sample_rate: 24_000 };
    const ask = (id: string) => ({ context_id: id, transcript: 'x', output_format: format });
    const chunk = (id: string, samples: Int16Array) => ({
      type: 'chunk',
      context_id: id,
      data: base64Of(samples),
    });
    const wav = await heard(
      new Tape(cartesia)
        .up(0, ask('a'))
        .up(0, ask('b'))
        .down(100, chunk('a', next))
        .down(110, { type: 'done', context_id: 'a' })
        .down(120, chunk('b', answer))
        .up(500, { context_id: 'b', cancel: true })
        .down(510, chunk('b', answer)),
    );
    placesOf(wav.right, [100 * MS, next], [200 * MS, answer.subarray(0, 300 * MS)]);
  });
});
