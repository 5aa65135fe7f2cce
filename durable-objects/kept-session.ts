/** A session that outlives its object: what is kept of it, and how it is found again. */
import type { ConnectPlan } from '../protocol/connect.ts';
import type { JsonValue } from '../protocol/json.ts';
import type { Checkpoint, Kept, LastWords } from '../protocol/recording.ts';
import { readSegment } from '../protocol/segment.ts';
import type { ProviderAdapter } from '../providers/adapter.ts';
import { providerFor } from '../providers/registry.ts';
import type { Session } from '../session/session.ts';
import { Reread } from '../session/reread.ts';
import { type Snapshot, SNAPSHOT_VERSION } from '../session/snapshot.ts';
import type { SessionStore } from '../storage/session-store.ts';
import type { Key } from './attachment.ts';
import type { Env } from './environment.ts';
import { logLine } from './log-line.ts';
import { payloadOf } from './log-window.ts';
import { pricesFor } from './prices-for.ts';
import { unpack } from './segment-codec.ts';

/**
 * Whether what is known of a session may be stored beside its log: it is the conversation itself, so only where the whole
 * of that is logged anyway.
 */
export function mayKeep(plan: ConnectPlan): boolean {
  return plan.log === 'full' && plan.redaction === undefined;
}

/** What a plan knows of the one client that opened the session. Its offer may hold a credential, and none of it is needed. */
const NO_CLIENT = {
  offer: { open: [], lastResort: null },
  signals: { headers: {}, subprotocols: [] },
  userAgent: null,
} satisfies Partial<ConnectPlan>;

/** Without any key or token: those live with the sockets. */
function checkpointOf(
  plan: ConnectPlan,
  snapshot: Snapshot,
  { resting, final }: Pick<Checkpoint, 'resting' | 'final'>,
): Checkpoint {
  const { carrier: _carrier, ...request } = plan.request;
  const { fallback: _keys, ...served } = plan;
  return {
    plan: JSON.stringify({ ...served, ...NO_CLIENT, request: { ...request, credential: null } }),
    snapshot: JSON.stringify(snapshot),
    resting,
    final,
    // Only who chose the session's name can come back to it.
    graceMs: plan.named ? plan.graceMs : 0,
    endsAt: snapshot.startedAt + plan.maxSessionMs,
  };
}

/** Answers with what is to be kept of a session now; null while that may not be, or has not changed. */
export function checkpointsOf(plan: ConnectPlan, session: Session): () => Checkpoint | null {
  let state: JsonValue = null;
  let wasResting = false;
  return () => {
    const resting = session.phase === 'resting';
    const isSame = session.books.state === state && !resting && !wasResting;
    if (!mayKeep(plan) || session.phase === 'dialling' || isSame) return null;
    state = session.books.state;
    wasResting = resting;
    return checkpointOf(plan, session.lives.snapshot(), { resting, final: session.isSuspended });
  };
}

/** Which provider serves a kept session. */
export function keptProvider({ checkpoint }: Kept): string {
  // Only checkpointOf() writes it.
  return (JSON.parse(checkpoint.plan) as ConnectPlan).provider;
}

/** The plan of a kept session, with the key of whoever is here. */
export function keptPlan({ checkpoint }: Kept, key: Key): ConnectPlan {
  // Only checkpointOf() writes it.
  const plan = JSON.parse(checkpoint.plan) as ConnectPlan;
  const { credential, source, carrier } = key;
  return {
    ...plan,
    credentialSource: source,
    request: { ...plan.request, credential, ...(carrier === null ? {} : { carrier }) },
  };
}

/** What the session goes on from; null when this code cannot go on from it. */
export function keptSnapshot({ checkpoint, counters }: Kept, adapter: ProviderAdapter): Snapshot | null {
  // Only checkpointOf() writes it.
  const snapshot = JSON.parse(checkpoint.snapshot) as Snapshot;
  const { id, version } = snapshot.adapter;
  if (snapshot.version !== SNAPSHOT_VERSION || id !== adapter.id || version !== adapter.stateVersion)
    return null;
  return { ...snapshot, counters: { ...snapshot.counters, ...counters } };
}

/**
 * Whether all of the session is stored: nothing was in memory that could be lost with its object.
 *
 * @param lastSeq of the log
 */
export function isAtRest({ resting, snapshot }: Checkpoint, lastSeq: number): boolean {
  // Only checkpointOf() writes it.
  return resting && lastSeq <= (JSON.parse(snapshot) as Snapshot).counters.seq;
}

/** A checkpoint, brought up to the end of the log: what was said after it is in there alone. */
export async function keptFrom(store: SessionStore, checkpoint: Checkpoint, env: Env): Promise<Kept> {
  const { snapshot, reader } = readerOf(checkpoint, env);
  const { counters } = snapshot;
  const last = store.lastNumbers();
  const received = await readOn(store, counters.seq, reader);
  return {
    checkpoint: reader === null ? checkpoint : { ...checkpoint, snapshot: JSON.stringify(reader.snapshot()) },
    counters: {
      seq: Math.max(last.seq, counters.seq),
      record: Math.max(last.record, counters.record),
      // Segments are found by their numbers: one that was packed and not stored would leave a hole, at which readers end.
      segment: last.segment,
      received: counters.received + received,
    },
    clean: isAtRest(checkpoint, last.seq),
    lastSeq: last.seq,
  };
}

/** What a session cost that was lost with its object, and that nobody goes on with; null: it cannot be told. */
export async function lastWords(
  store: SessionStore,
  checkpoint: Checkpoint,
  env: Env,
): Promise<LastWords | null> {
  try {
    const { snapshot, reader } = readerOf(checkpoint, env);
    if (reader === null) return null;
    await readOn(store, snapshot.counters.seq, reader);
    return reader.conclude();
  } catch (error) {
    // A log that cannot be read must not keep the session from ending.
    logLine('warn', 'last_words_unreadable', { detail: String(error) });
    return null;
  }
}

function readerOf(
  checkpoint: Checkpoint,
  env: Env,
): { readonly snapshot: Snapshot; readonly reader: Reread | null } {
  // Only checkpointOf() writes them.
  const snapshot = JSON.parse(checkpoint.snapshot) as Snapshot;
  const plan = JSON.parse(checkpoint.plan) as ConnectPlan;
  const adapter = providerFor(snapshot.adapter.id, env);
  const canRead = snapshot.version === SNAPSHOT_VERSION && snapshot.adapter.version === adapter?.stateVersion;
  const reader =
    canRead && adapter !== undefined ? new Reread(adapter, snapshot, pricesFor(plan, adapter, env)) : null;
  return { snapshot, reader };
}

/** Reads what the log has after `seq`. Returns how many upstream frames that is. */
async function readOn(store: SessionStore, after: number, reader: Reread | null): Promise<number> {
  let count = 0;
  let bytes = 0;
  for (let number = store.firstSegmentAfter(after); ; number += 1) {
    const segment = store.segment(number);
    if (segment === null) return count;
    for (const entry of readSegment(segment.firstSeq, segment.firstAt, await unpack(segment))) {
      if (entry.seq <= after) continue;
      bytes += entry.length;
      if (entry.more) continue;
      if (entry.direction === 'down') count += 1;
      reader?.frame({ ...entry, bytes, payload: payloadOf(entry) });
      bytes = 0;
    }
  }
}
