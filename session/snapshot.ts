/** What a session is, as JSON: enough for another machine to go on with its conversation, its numbers and its sums. */
import type { Role } from '../protocol/connect.ts';
import type { JsonValue } from '../protocol/json.ts';
import type { OpenSocket } from './open-socket.ts';
import type { TallySnapshot } from './tally.ts';

/** Raise it when the shape below changes: a snapshot of another version is not gone on with. */
export const SNAPSHOT_VERSION = 1;

export interface Snapshot {
  readonly version: typeof SNAPSHOT_VERSION;
  readonly adapter: { readonly id: string; readonly version: number; readonly state: JsonValue };
  readonly startedAt: number;
  readonly counters: Counters;
  /** Upstream frames at the end of each life before: counts of an older life that are higher mean nothing here. */
  readonly epochs: readonly number[];
  readonly tally: TallySnapshot;
  /** A frame of which the provider takes only the first has come. */
  readonly onceSent: boolean;
  /** The upstream socket that was open; null: none was. Absent in what was kept before it was. */
  readonly socket?: OpenSocket | null;
  /** Roles that clients were given, by their names; absent in what was kept before there were any. */
  readonly roles?: readonly (readonly [string, Role])[];
}

/** The last numbers that were given out. */
export interface Counters {
  readonly seq: number;
  readonly record: number;
  readonly segment: number;
  /** Bytes of the log so far. */
  readonly written: number;
  /** Upstream frames sent on to clients. */
  readonly received: number;
  readonly client: number;
}
