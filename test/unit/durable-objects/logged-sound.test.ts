/** How long the sound in a log's frames is: of formats that nothing but the URL told, too. */
import { describe, expect, it } from 'vitest';
import { LoggedSound } from '../../../durable-objects/logged-sound.ts';
import type { Opening } from '../../../protocol/recording.ts';
import { assemblyai } from '../../../providers/assemblyai.ts';
import type { Payload, ProviderAdapter } from '../../../providers/adapter.ts';
import { cartesia } from '../../../providers/cartesia.ts';
import { deepgram } from '../../../providers/deepgram.ts';
import { elevenlabs } from '../../../providers/elevenlabs.ts';
import { openai } from '../../../providers/openai.ts';
import { workersAi } from '../../../providers/workers-ai.ts';
import type { LogFrame } from '../../../storage/frame-log.ts';

type Query = Readonly<Record<string, string>>;

function openingOf(adapter: ProviderAdapter, path: string, query: Query): Opening {
  const dialled = { path, query: Object.entries(query), baseUrl: '', headers: {} };
  return {
    address: { account: 'a', gateway: 'g', id: 's' },
    provider: adapter.id,
    model: adapter.modelOf(dialled),
    simulated: true,
    credentialSource: 'none',
    log: 'full',
    metadata: {},
    eventId: null,
    path,
    sound: JSON.stringify(adapter.sound?.begin(dialled) ?? null),
    startedAt: 0,
  };
}

function frameOf(direction: 'up' | 'down', given: Payload | object): LogFrame {
  const isBytes = given instanceof ArrayBuffer;
  const text = typeof given === 'string' ? given : JSON.stringify(given);
  const payload = isBytes ? new Uint8Array(given) : new TextEncoder().encode(text);
  return {
    kind: 'frame',
    seq: 1,
    payload,
    entry: {
      seq: 1,
      at: 0,
      direction,
      client: direction === 'up' ? 1 : 0,
      opcode: isBytes ? 'binary' : 'text',
      translated: false,
      redacted: false,
      length: payload.length,
      payload,
      more: false,
      part: false,
    },
  };
}

const BYTES = 4_800;
const BASE64 = Buffer.alloc(BYTES, 1).toString('base64');
const bytes = new ArrayBuffer(BYTES);

interface Case {
  readonly name: string;
  readonly adapter: ProviderAdapter;
  readonly path: string;
  readonly query: Query;
  readonly direction: 'up' | 'down';
  readonly frame: Payload | object;
  readonly ms: number | null;
}

const listening = (name: string, path: string, adapter: ProviderAdapter, query: Query, ms: number): Case => ({
  name,
  adapter,
  path,
  query,
  direction: 'up',
  frame: bytes,
  ms,
});

const CASES: readonly Case[] = [
  listening('Deepgram, μ-law', 'v1/listen', deepgram, { encoding: 'mulaw', sample_rate: '8000' }, 600),
  listening(
    'Deepgram, stereo',
    'v1/listen',
    deepgram,
    { encoding: 'linear16', sample_rate: '48000', channels: '2' },
    25,
  ),
  listening(
    'Workers AI, whose model says which socket it is',
    '',
    workersAi,
    { model: '@cf/deepgram/nova-3', encoding: 'linear16', sample_rate: '8000' },
    300,
  ),
  listening(
    'Cartesia, floats',
    'stt/websocket',
    cartesia,
    { cartesia_version: '2026-03-01', model: 'ink-2', encoding: 'pcm_f32le', sample_rate: '24000' },
    50,
  ),
  listening('AssemblyAI', 'v3/ws', assemblyai, { sample_rate: '8000' }, 300),
  {
    name: 'ElevenLabs, spoken',
    adapter: elevenlabs,
    path: 'v1/text-to-speech/a-voice/stream-input',
    query: { output_format: 'ulaw_8000' },
    direction: 'down',
    frame: { audio: BASE64 },
    ms: 600,
  },
  {
    name: 'ElevenLabs, compressed',
    adapter: elevenlabs,
    path: 'v1/text-to-speech/a-voice/stream-input',
    query: { output_format: 'mp3_44100_128' },
    direction: 'down',
    frame: { audio: BASE64 },
    ms: null,
  },
  {
    name: 'ElevenLabs, heard',
    adapter: elevenlabs,
    path: 'v1/speech-to-text/realtime',
    query: { audio_format: 'pcm_48000' },
    direction: 'up',
    frame: { message_type: 'input_audio_chunk', audio_base_64: BASE64, commit: false },
    ms: 50,
  },
];

describe('P3 the length of folded sound', () => {
  it.each(CASES)('P3 $name', ({ adapter, path, query, direction, frame, ms }) => {
    const listener = new LoggedSound(openingOf(adapter, path, query), adapter);
    expect(listener.hear(frameOf(direction, frame))).toEqual({ bytes: BYTES, ms });
  });

  it('P3 a format that a frame sets holds from then on', () => {
    const listener = new LoggedSound(openingOf(openai, '', { model: 'gpt-realtime' }), openai);
    const spoken = frameOf('up', { type: 'input_audio_buffer.append', audio: BASE64 });
    const audio = { input: { format: { type: 'audio/pcmu' } } };
    expect(listener.hear(spoken)?.ms).toBe(100);
    expect(listener.hear(frameOf('down', { type: 'session.updated', session: { audio } }))).toBeNull();
    expect(listener.hear(spoken)?.ms).toBe(600);
  });

  it('P3 a record of before, which does not have what the URL said, has its provider’s default', () => {
    const { sound: _sound, ...opening } = openingOf(assemblyai, 'v3/ws', { sample_rate: '8000' });
    expect(new LoggedSound(opening, assemblyai).hear(frameOf('up', bytes))).toEqual({
      bytes: BYTES,
      ms: 150,
    });
  });
});
