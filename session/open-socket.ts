/** What is known of an upstream socket while it is open, for when it is over: also when that is found out afterwards. */
import type { SocketLife } from '../providers/adapter.ts';

export interface OpenSocket {
  /** ms since the epoch. */
  readonly since: number;
  /** The user's audio that had gone up before it, ms; null: not known. */
  readonly audioInMs: number | null;
}

/** @param audioInMs the user's audio of the whole session so far */
export function lifeOf(socket: OpenSocket, audioInMs: number | null, endedAt: number): SocketLife {
  return {
    openMs: Math.max(0, endedAt - socket.since),
    audioInMs: audioInMs === null || socket.audioInMs === null ? null : audioInMs - socket.audioInMs,
  };
}
