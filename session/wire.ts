/** The session's only way out: what it can do to the world. */
import type { CloseFrame } from '../protocol/close-codes.ts';
import type { Payload } from '../protocol/connect.ts';
import type { Ending } from '../protocol/recording.ts';

export type DeadlineName = 'grace' | 'keepalive' | 'usage' | 'watch' | 'longest' | 'hearing';

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
  closeUpstream(frame: CloseFrame): void;
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
