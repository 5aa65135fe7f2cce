/** Where a session stands. */
import type { Ending } from '../protocol/recording.ts';
import type { Cause } from './causes.ts';

/** Why a session has no upstream that relays. */
export type Interruption =
  /** The provider's socket was lost. */
  | {
      readonly of: 'upstream_lost';
      readonly code: number;
      readonly reason: string;
      readonly otherwise: Cause;
    }
  /** A client spoke to a session at rest. */
  | { readonly of: 'waking' }
  /** The socket is about to reach the provider's own limit. */
  | { readonly of: 'rollover' }
  /** The object was lost, with its upstream. */
  | { readonly of: 'interrupted' };

export type Phase =
  | { readonly name: 'dialling' }
  | { readonly name: 'live' }
  /** The upstream relays down; client frames wait for its successor, which is being told the conversation. */
  | { readonly name: 'moving' }
  /** A new upstream is dialled, or is being told the conversation; client frames wait. */
  | { readonly name: 'restoring'; readonly interruption: Interruption }
  /** The upstream was told that its socket will be closed, and what it still owes is waited for. */
  | { readonly name: 'parting' }
  /** No upstream, on purpose. The next client frame dials one. */
  | { readonly name: 'resting' }
  /** The last client left, or a budget is spent: what is still served is waited for. */
  | { readonly name: 'closing'; readonly cause: Cause; readonly isServing: () => boolean }
  | { readonly name: 'ended'; readonly ending: Ending };
