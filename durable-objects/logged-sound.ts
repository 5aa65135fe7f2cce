/** What sound is in the frames of a log, as the provider's adapter reads them. */
import type { JsonValue } from '../protocol/json.ts';
import type { Observation } from '../protocol/observations.ts';
import type { SoundEvent } from '../protocol/sound.ts';
import type { Payload, ProviderAdapter, Sender } from '../providers/adapter.ts';
import { asDialled } from '../replay/as-dialled.ts';
import { base64Length } from '../sound/base64.ts';
import { frameBytes } from '../sound/codings.ts';
import type { Sound, SoundOf } from '../storage/audio-runs.ts';
import type { LogFrame } from '../storage/frame-log.ts';
import type { SessionView } from '../storage/session-store.ts';
import { beginningOf } from './session-sound.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: false });
const MS_PER_SECOND = 1000;

/** To be asked of all frames from the first on: formats are set in earlier ones. What was rewritten by a rule is not read. */
export function loggedSound(opening: SessionView['opening'], adapter: ProviderAdapter): SoundOf {
  const { path = '', model } = opening;
  const query = model === null ? [] : [['model', model] as const];
  let state: JsonValue = adapter.begin(asDialled({ path, query }));
  const lengthOf = lengths(opening, adapter);
  return (frame) => {
    if (frame.payload === null || frame.entry.redacted) return null;
    const payload = payloadOf(frame);
    const sender = senderOf(frame);
    const ms = lengthOf(sender, payload);
    let observations = adapter.skim?.(state, sender, payload) ?? null;
    if (observations === null) {
      const reading = adapter.read(state, sender, payload);
      state = reading.state;
      observations = reading.observations;
    }
    return soundIn(observations, ms);
  };
}

/** ms of the sound in a frame, null where it is not known; undefined: there is none that is heard. */
type LengthOf = (from: Sender, payload: Payload) => number | null | undefined;

function lengths(opening: SessionView['opening'], { sound: reader }: ProviderAdapter): LengthOf {
  if (reader === undefined) return () => undefined;
  let state = beginningOf(opening, reader);
  return ({ side }, payload) => {
    const reading = reader.read(state, side, payload);
    state = reading.state;
    const pieces = reading.events.filter((each) => each.kind === 'piece');
    return pieces.length === 0 ? undefined : pieces.map(lengthOfPiece).reduce(sum, 0);
  };
}

function lengthOfPiece({ format, data }: Extract<SoundEvent, { kind: 'piece' }>): number | null {
  if (format.coding === null) return null;
  const bytes = typeof data === 'string' ? base64Length(data) : data.length;
  return (bytes * MS_PER_SECOND) / (frameBytes(format) * format.rate);
}

function sum(all: number | null, each: number | null): number | null {
  return all === null || each === null ? null : all + each;
}

/**
 * Null also when more than sound was observed: what was said, or that a response is over, stays to be seen.
 *
 * @param ms of all sound in the frame; undefined: only what was observed tells it
 */
function soundIn(observations: readonly Observation[], ms: number | null | undefined): Sound | null {
  const sounds = observations.filter((each) => each.kind === 'audio');
  if (sounds.length === 0 || observations.some(({ kind }) => !AUDIBLE.has(kind))) return null;
  return {
    bytes: sounds.reduce((all, { bytes }) => all + bytes, 0),
    ms: ms === undefined ? sounds.map((each) => each.ms).reduce(sum, 0) : ms,
  };
}

const AUDIBLE: ReadonlySet<Observation['kind']> = new Set(['audio', 'response.started', 'response.output']);

function senderOf({ entry }: LogFrame): Sender {
  return entry.direction === 'down' ? { side: 'upstream' } : { side: 'client', client: `c${entry.client}` };
}

function payloadOf({ entry, payload }: LogFrame): Payload {
  const bytes = payload ?? new Uint8Array();
  return entry.opcode === 'text' ? decoder.decode(bytes) : new Uint8Array(bytes).buffer;
}
