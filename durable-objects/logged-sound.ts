/** What sound is in the frames of a log, as the provider's adapter reads them. */
import type { JsonValue } from '../protocol/json.ts';
import type { Observation } from '../protocol/observations.ts';
import type { SoundEvent } from '../protocol/sound.ts';
import type { Payload, ProviderAdapter, Sender } from '../providers/adapter.ts';
import { asDialled } from '../replay/as-dialled.ts';
import { base64Length } from '../sound/base64.ts';
import { frameBytes } from '../sound/codings.ts';
import type { HeardPlace, Listener, Sound } from '../storage/audio-runs.ts';
import type { LogFrame } from '../storage/frame-log.ts';
import type { SessionView } from '../storage/session-store.ts';
import { beginningOf } from './session-sound.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: false });
const MS_PER_SECOND = 1000;

export interface Heard extends HeardPlace {
  /** The adapter's, after it. */
  readonly state: JsonValue;
  /** That of its reader of sound. */
  readonly lengths: JsonValue;
}

/** The places at which the last events ended: a page looks at one event more than it has, and its end is one before. */
const LAST_ENDS = 2;

/** Told of all frames from the first on, or from a place on that it was at. What was rewritten by a rule is not read. */
export class LoggedSound implements Listener {
  readonly #adapter: ProviderAdapter;
  #heard: Heard;
  #ends: Heard[] = [];

  /** @param from where one of the same session stood; null: at the beginning */
  constructor(opening: SessionView['opening'], adapter: ProviderAdapter, from: Heard | null = null) {
    this.#adapter = adapter;
    this.#heard = from ?? beginning(opening, adapter);
  }

  hear(frame: LogFrame): Sound | null {
    const { seq } = frame;
    this.#heard = { ...this.#heard, seq };
    if (frame.payload === null || frame.entry.redacted) return null;
    const payload = payloadOf(frame);
    const sender = senderOf(frame);
    const ms = this.#lengthOf(sender, payload);
    return soundIn(this.#observed(sender, payload), ms);
  }

  get place(): Heard {
    return this.#heard;
  }

  passed(place: Heard): void {
    this.#ends = [...this.#ends, place].slice(-LAST_ENDS);
  }

  /** Where whoever reads the next page may begin. */
  get places(): readonly Heard[] {
    return [...this.#ends, this.#heard];
  }

  #observed(sender: Sender, payload: Payload): readonly Observation[] {
    const skimmed = this.#adapter.skim?.(this.#heard.state, sender, payload) ?? null;
    if (skimmed !== null) return skimmed;
    const { state, observations } = this.#adapter.read(this.#heard.state, sender, payload);
    this.#heard = { ...this.#heard, state };
    return observations;
  }

  /** ms of the sound in a frame, null where it is not known; undefined: there is none that is heard. */
  #lengthOf({ side }: Sender, payload: Payload): number | null | undefined {
    const reader = this.#adapter.sound;
    if (reader === undefined) return undefined;
    const { state: lengths, events } = reader.read(this.#heard.lengths, side, payload);
    this.#heard = { ...this.#heard, lengths };
    const pieces = events.filter((each) => each.kind === 'piece');
    return pieces.length === 0 ? undefined : pieces.map(lengthOfPiece).reduce(sum, 0);
  }
}

function beginning(opening: SessionView['opening'], adapter: ProviderAdapter): Heard {
  const { path = '', model } = opening;
  const query = model === null ? [] : [['model', model] as const];
  const { sound } = adapter;
  return {
    seq: 0,
    state: adapter.begin(asDialled({ path, query })),
    lengths: sound === undefined ? null : beginningOf(opening, sound),
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
