/** The sound of the session whose record this is, found once and kept in memory for as long as its log stays the same. */
import { type JsonValue, parseJson } from '../protocol/json.ts';
import type { SoundReader } from '../providers/adapter.ts';
import { type Environment, providerFor } from '../providers/registry.ts';
import { Renderer } from '../sound/renderer.ts';
import { indexSound, type SoundIndex, type SoundLog } from '../sound/sound-index.ts';
import type { SessionStore, SessionView } from '../storage/session-store.ts';
import { givingWay } from './give-way.ts';
import { unpack } from './segment-codec.ts';

export interface SessionSound {
  readonly log: SoundLog;
  readonly index: SoundIndex;
  /** By the rate of the answer: those who read the same share what is decoded. */
  readonly renderers: Map<number, Renderer>;
}

interface Kept {
  /** The log that it is of. */
  readonly startedAt: number;
  readonly lastSeq: number;
  readonly sound: Promise<SessionSound>;
}

/** A way to know nothing of objects that are gone: an index is small, and any can be made again. */
const kept = new WeakMap<SessionStore, Kept>();

export function soundOf(
  store: SessionStore,
  { opening, lastSeq }: SessionView,
  env: Environment,
): Promise<SessionSound> {
  const { startedAt } = opening;
  const known = kept.get(store);
  if (known?.startedAt === startedAt && known.lastSeq === lastSeq) return known.sound;
  const sound = find(store, opening, env);
  kept.set(store, { startedAt, lastSeq, sound });
  // What failed is tried again by who asks next.
  sound.catch(() => kept.delete(store));
  return sound;
}

async function find(
  store: SessionStore,
  opening: SessionView['opening'],
  env: Environment,
): Promise<SessionSound> {
  const reader = providerFor(opening.provider, env)?.sound;
  if (reader === undefined) return SILENT;
  const { life } = store;
  const log: SoundLog = {
    reader,
    begun: beginningOf(opening, reader),
    startedAt: opening.startedAt,
    giveWay: givingWay(),
    source: {
      segment: async (number) => {
        if (store.life !== life) throw new Error('the session was deleted while it was read');
        const stored = store.segment(number);
        return stored === null ? null : { stored, data: await unpack(stored) };
      },
    },
  };
  return { log, index: await indexSound(log), renderers: new Map() };
}

/** What a reader begins with. Records of before have none: what the URL said of formats is lost, and the provider's defaults stand. */
export function beginningOf({ sound, path = '' }: SessionView['opening'], reader: SoundReader): JsonValue {
  const begun = sound === undefined || sound === null ? undefined : parseJson(sound);
  return begun ?? reader.begin({ path, query: [] });
}

/** Of a provider whose frames carry no sound that is known. */
const SILENT: SessionSound = {
  log: {
    reader: { begin: () => null, read: (state) => ({ state, events: [] }) },
    begun: null,
    startedAt: 0,
    giveWay: () => null,
    source: { segment: async () => null },
  },
  index: {
    blocks: [],
    cuts: new Map(),
    rate: null,
    endMs: 0,
    unheard: [],
    withoutContent: 0,
    damaged: 0,
  },
  renderers: new Map(),
};

export function renderer({ log, index, renderers }: SessionSound, rate: number): Renderer {
  const known = renderers.get(rate) ?? new Renderer(log, index, rate);
  renderers.set(rate, known);
  return known;
}
