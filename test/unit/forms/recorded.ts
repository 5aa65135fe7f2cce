/** Random sessions as their recorder has them, and what of them is known without reading any form of it. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { Packer } from '../../../durable-objects/segment-codec.ts';
import type { Batch } from '../../../protocol/recording.ts';
import { type Direction, readSegment } from '../../../protocol/segment.ts';
import { SessionStore } from '../../../storage/session-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';
import { plainScript } from '../usage/check-usage.ts';
import { type Outcome, play, type Script, type UsageWire } from '../usage/usage-drive.ts';

const STARTED_AT = 1_795_000_000_000;
const ENDED_MS = 400_000;

/** Of each wire. More of them search longer. */
const RUNS = Number(process.env['PARLEY_TEST_RUNS'] ?? 1);

/** Holds for random sessions, on one upstream socket each, and a number that each may use as it likes. */
export async function forSessions(holds: (given: Script, n: number) => Promise<void>): Promise<void> {
  await fc.assert(fc.asyncProperty(plainScript, fc.nat(0xffff), holds), { numRuns: RUNS });
}

export interface Frame {
  readonly seq: number;
  readonly at: number;
  readonly direction: Direction;
  readonly opcode: 'text' | 'binary';
  readonly client: string | null;
  readonly bytes: Buffer;
  /** It went on otherwise than it came. */
  readonly translated: boolean;
}

/** The frames as they went to the recorder, parts put together. */
function framesOf({ batches }: Outcome): Frame[] {
  const frames: Frame[] = [];
  let parts: Uint8Array[] = [];
  for (const { firstSeq, firstAt, data } of batches.flatMap(({ segments }) => segments))
    for (const entry of readSegment(firstSeq, firstAt, data)) {
      parts.push(entry.payload ?? new Uint8Array());
      if (entry.more) continue;
      const { seq, at, direction, opcode, translated } = entry;
      const client = entry.client === 0 ? null : `c${entry.client}`;
      frames.push({ seq, at, direction, opcode, client, bytes: Buffer.concat(parts), translated });
      parts = [];
    }
  return frames;
}

export interface Recorded {
  readonly wire: UsageWire;
  readonly outcome: Outcome;
  readonly frames: readonly Frame[];
}

/** A session, of which it is known that its record has what the provider sent, and what it was sent. */
export function recorded(wire: UsageWire, given: Script): Recorded {
  const outcome = play(wire, given, wire.adapter, 'full');
  const frames = framesOf(outcome);
  const relayed = (direction: Direction) => frames.filter((frame) => frame.direction === direction);
  const down = relayed('down').map(({ bytes, opcode }) => [opcode, bytes.toString('base64')]);
  const up = relayed('up');
  // What a provider sent after its socket was given up is nobody's.
  expectSame(down, outcome.heard.slice(0, down.length).map(asSent));
  // Of several clients' contexts the names are others to the provider; the record has those of the clients.
  expectSame(
    up.map(({ bytes, opcode, translated }) => (translated ? null : [opcode, bytes.toString('base64')])),
    outcome.said.map((payload, index) => ((up.at(index)?.translated ?? false) ? null : asSent(payload))),
  );
  return { wire, outcome, frames };
}

function asSent(payload: string | ArrayBuffer): [string, string] {
  return typeof payload === 'string'
    ? ['text', Buffer.from(payload).toString('base64')]
    : ['binary', Buffer.from(payload).toString('base64')];
}

/** The record as it is when the session begins. */
export function begun({ adapter, request }: UsageWire): SessionStore {
  const store = new SessionStore(memoryDatabase());
  const dialled = { ...request, headers: {}, subprotocols: [], credential: null };
  const { sound } = adapter;
  store.open(
    {
      address: { account: 'a', gateway: 'g', id: 's' },
      provider: adapter.id,
      model: adapter.modelOf(dialled),
      simulated: true,
      credentialSource: 'none',
      log: 'full',
      metadata: {},
      eventId: null,
      path: request.path,
      sound: sound === undefined ? null : JSON.stringify(sound.begin(request)),
      startedAt: STARTED_AT,
    },
    0,
  );
  return store;
}

/** One batch more, packed as the recorder packs it. */
export async function append(store: SessionStore, batch: Batch): Promise<void> {
  const packer = new Packer();
  store.append(await Promise.all(batch.segments.map((each) => packer.pack(each))), batch);
}

export function finish(store: SessionStore, { totals }: Outcome): void {
  const ending = { at: STARTED_AT + ENDED_MS, reason: 'upstream_closed', closedBy: 'upstream' } as const;
  store.finish({ ...ending, code: 4321, closeReason: 'as recorded', totals });
}

export async function ended({ wire, outcome }: Recorded): Promise<SessionStore> {
  const store = begun(wire);
  for (const batch of outcome.batches) await append(store, batch);
  finish(store, outcome);
  return store;
}

/** As `toEqual`, fast for thousands of members, and about the first that differs. */
export function expectSame(actual: readonly unknown[], expected: readonly unknown[]): void {
  const [is, should] = [actual, expected].map((all) => all.map((each) => JSON.stringify(each)));
  const at = (should ?? []).findIndex((each, index) => each !== is?.[index]);
  expect({ at, length: is?.length, is: is?.[at] }).toEqual({ at, length: should?.length, is: should?.[at] });
}
