/**
 * The interface of a simulated provider: the server side of one socket, as a pure machine. Time comes in as an argument
 * (ms since the epoch), randomness from the seed, so the same input gives the same bytes.
 */
import type { JsonValue } from '../protocol/json.ts';
import type { Payload } from '../providers/adapter.ts';
import type { Charged } from './ledger.ts';

/** How the upgrade is answered. */
export type Handshake =
  | { readonly kind: 'accept'; readonly subprotocol: string | null; readonly session: SimulatedSession }
  | {
      readonly kind: 'refuse';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  /** Never answers: for testing time limits. */
  | { readonly kind: 'hang' };

export interface HandshakeRequest {
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

export type SimulatorOutput =
  | { readonly kind: 'send'; readonly payload: Payload }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  /** The connection is dropped without a Close frame. */
  | { readonly kind: 'drop' };

export interface SimulatedSession {
  /** Called once when the socket is open. */
  open(now: number): readonly SimulatorOutput[];
  /** One frame from the client. */
  receive(payload: Payload, now: number): readonly SimulatorOutput[];
  /** When `advance` has something to do, or null. Must be read again after every call. */
  due(): number | null;
  /** Does what is due at `now`. */
  advance(now: number): readonly SimulatorOutput[];
  /** The socket is over, whoever closed it: what is under way is charged. Comes once; nothing is called after it. */
  closed(now: number): void;
  /** What this socket has cost so far. */
  readonly charged: Charged;
  /** What the model has before it, where it keeps anything: its configuration, and what was said, in order. */
  readonly context?: JsonValue;
}

/** A simulated provider: answers one handshake. */
export type Simulator = (request: HandshakeRequest, now: number) => Handshake;
