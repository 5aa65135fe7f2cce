/** What sound is in the frames of a log, as the provider's adapter reads them. */
import type { JsonValue } from '../protocol/json.ts';
import type { Observation } from '../protocol/observations.ts';
import type { ProviderAdapter } from '../providers/adapter.ts';
import type { Sound, SoundOf } from '../storage/audio-runs.ts';
import type { LogFrame } from '../storage/frame-log.ts';
import type { SessionView } from '../storage/session-store.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: false });

/**
 * To be asked of all frames from the first on: formats are set in earlier ones. What was rewritten by a rule is not read.
 *
 * @param opening of the log: its query is not in the record, so of formats that stand there the length is not known
 */
export function loggedSound({ path }: SessionView['opening'], adapter: ProviderAdapter): SoundOf {
  const target = { baseUrl: 'https://provider.invalid', path: path ?? '', query: [], headers: {} };
  let state: JsonValue = adapter.begin({ ...target, subprotocols: [], credential: null });
  return (frame) => {
    if (frame.payload === null || frame.entry.redacted) return null;
    const reading = adapter.read(state, senderOf(frame), payloadOf(frame));
    state = reading.state;
    return soundIn(reading.observations);
  };
}

/** Null also when more than sound was observed: what was said, or that a response is over, stays to be seen. */
function soundIn(observations: readonly Observation[]): Sound | null {
  const sounds = observations.filter((each) => each.kind === 'audio');
  if (sounds.length === 0 || observations.some(({ kind }) => !AUDIBLE.has(kind))) return null;
  return sounds.reduce<Sound>(
    (sum, { bytes, ms }) => ({
      bytes: sum.bytes + bytes,
      ms: sum.ms === null || ms === null ? null : sum.ms + ms,
    }),
    { bytes: 0, ms: 0 },
  );
}

const AUDIBLE: ReadonlySet<Observation['kind']> = new Set(['audio', 'response.started', 'response.output']);

function senderOf({ entry }: LogFrame) {
  return entry.direction === 'down'
    ? ({ side: 'upstream' } as const)
    : ({ side: 'client', client: `c${entry.client}` } as const);
}

function payloadOf({ entry, payload }: LogFrame) {
  const bytes = payload ?? new Uint8Array();
  return entry.opcode === 'text' ? decoder.decode(bytes) : new Uint8Array(bytes).buffer;
}
