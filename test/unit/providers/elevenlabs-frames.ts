/** ElevenLabs' recorded sessions, what each product's client asks for, and reading the one as the other. */
import type { Observation } from '../../../protocol/observations.ts';
import type { ConnectRequest, Payload, Sender } from '../../../providers/adapter.ts';
import { elevenlabs, type ElevenLabsState } from '../../../providers/elevenlabs.ts';
import { payloadOf, readFixtures, senderOf } from '../../contract/provider-contract.ts';

export const fixtures = readFixtures('elevenlabs', {
  'stream-turn': { characters: 33 },
  'stream-error': { characters: 6 },
  'multi-contexts': { characters: 28 },
  'multi-sixth': {},
  'dialogue-turn': { characters: 24 },
  'agent-turn': {},
  'agent-interruption': {},
  'agent-text': {},
  'scribe-turn': { seconds: 0.25 },
});
export const named = (prefix: string) => fixtures.filter(({ name }) => name.startsWith(prefix));

export const STREAM = {
  path: 'v1/text-to-speech/v1/stream-input',
  query: [
    ['model_id', 'eleven_flash_v2_5'],
    ['output_format', 'pcm_16000'],
  ] as const,
};
export const MULTI = { ...STREAM, path: 'v1/text-to-speech/v1/multi-stream-input' };
export const DIALOGUE = { path: 'v1/text-to-dialogue/stream-input', query: [] };
export const AGENT = { path: 'v1/convai/conversation', query: [['agent_id', 'agent_1']] as const };
export const SCRIBE = {
  path: 'v1/speech-to-text/realtime',
  query: [['model_id', 'scribe_v2_realtime']] as const,
};

export const UPSTREAM: Sender = { side: 'upstream' };
export const CLIENT: Sender = { side: 'client', client: 'c1' };

export function request(about: Partial<ConnectRequest>): ConnectRequest {
  return {
    path: '',
    query: [],
    headers: {},
    subprotocols: [],
    baseUrl: 'https://api.elevenlabs.io',
    credential: 'xi-key',
    ...about,
  };
}

export const begun = (about: Partial<ConnectRequest>) =>
  elevenlabs.restore(elevenlabs.begin(request(about))).state;

export function readAll(
  about: Partial<ConnectRequest>,
  frames: readonly (readonly [Sender, Payload])[],
): { state: ElevenLabsState; observed: readonly Observation[] } {
  let state = begun(about);
  const observed: Observation[] = [];
  for (const [from, payload] of frames) {
    const reading = elevenlabs.read(state, from, payload);
    state = reading.state;
    observed.push(...reading.observations);
  }
  return { state, observed };
}

export function readFixture(about: Partial<ConnectRequest>, name: string) {
  const frames = named(name)[0]?.frames ?? [];
  return readAll(
    about,
    frames.map((frame) => [senderOf(frame), payloadOf(frame)] as const),
  );
}

export const up = (event: object) => [CLIENT, JSON.stringify(event)] as const;
export const down = (event: object) => [UPSTREAM, JSON.stringify(event)] as const;
export const ofKind = (observed: readonly Observation[], ...kinds: string[]) =>
  observed.filter(({ kind }) => kinds.includes(kind));
