/** The session's only way out: what it can do to the world. */
import type { CloseFrame } from '../protocol/close-codes.ts';
import type { Payload, Role } from '../protocol/connect.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { JsonValue } from '../protocol/json.ts';
import type { Ending } from '../protocol/recording.ts';

/** At most one of each. */
export const DEADLINES = [
  'grace',
  'keepalive',
  'usage',
  'watch',
  'longest',
  'hearing',
  'idle',
  'restore',
  'rollover',
  'floor',
  'controller',
  'totals',
  'ending',
] as const;
export type DeadlineName = (typeof DEADLINES)[number];

/** A dial that did not open. */
export interface DialFailure {
  readonly reason: ErrorCode;
  readonly detail: Readonly<Record<string, JsonValue>>;
  /** What clients hear when the session ends for it. */
  readonly frame: CloseFrame;
  /** Whether another attempt may do better. */
  readonly transient: boolean;
}

/** All of it is immediate; none of it throws. */
export interface Wire {
  /** False when the socket is not open any more. */
  toUpstream(payload: Payload): boolean;
  toClient(client: number, payload: Payload): void;
  /** Unsent bytes to a client, where the runtime tells them. */
  unsentTo(client: number): number | undefined;
  /** Unsent bytes to the upstream; 0 where the runtime does not tell. */
  unsentToUpstream(): number;
  /** Reads from no socket for `ms`, then calls `inputReleased`. */
  holdInput(ms: number): void;
  /** When the client last sent a ping that the runtime answered by itself (ms since the epoch), or null. */
  lastPing(client: number): number | null;
  /** Closes every upstream there is, and gives up a dial that is under way. */
  closeUpstream(frame: CloseFrame): void;
  /**
   * Dials a further upstream in `delayMs`, then calls `redialled` or `redialFailed`. Until it is promoted, what it says goes
   * to `successorFrame`.
   */
  dial(delayMs: number): void;
  /** False when the socket is not open any more. */
  toSuccessor(payload: Payload): boolean;
  /** The successor becomes the upstream; the one before, if it is open still, is closed. */
  promoteSuccessor(farewell: CloseFrame): void;
  /** Gives the successor up, or the dial for it. */
  dropSuccessor(): void;
  /** 0 <= x < 1. */
  random(): number;
  /** The session rests: what is known of it is to be kept where the end of this object does not reach. */
  resting(): void;
  /** What its socket carries through hibernation must say so. */
  roleChanged(client: number, role: Role): void;
  closeClient(client: number, frame: CloseFrame): void;
  /** Calls `deadline(name)` at `at` (ms since the epoch), or not at all when null. */
  setDeadline(name: DeadlineName, at: number | null): void;
  /** The log has something to store. */
  recorded(): void;
  /** Comes exactly once. */
  ended(ending: Ending): void;
  /** Whether a text is a token of this gateway, by its form or because it is the deployment's own. */
  isGatewayToken(text: string): boolean;
  /** For whoever operates the deployment; never reaches a client. */
  report(problem: string): void;
}
