/** Where the sound is on AssemblyAI's socket: in the client's binary frames. */
import { type Coding, rawSound, type SoundFormat } from '../protocol/sound.ts';
import type { SoundReader } from './adapter.ts';

const CODINGS: Readonly<Record<string, Coding>> = { pcm_s16le: 's16le', pcm_mulaw: 'mulaw' };
const DEFAULT_CODING = 'pcm_s16le';
const DEFAULT_RATE = 16_000;

export const assemblyaiSound: SoundReader<SoundFormat> = {
  begin: ({ query }) => {
    const asked = new Map(query);
    const rate = asked.get('sample_rate');
    return rawSound(
      CODINGS,
      asked.get('encoding') ?? DEFAULT_CODING,
      rate === undefined ? DEFAULT_RATE : Number(rate),
    );
  },
  read: (format, from, payload) => ({
    state: format,
    events:
      from === 'upstream' || typeof payload === 'string' || payload.byteLength === 0
        ? []
        : [{ kind: 'piece', speaker: 'user', utterance: '', format, data: new Uint8Array(payload) }],
  }),
};
