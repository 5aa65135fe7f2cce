/** How a service that speaks OpenAI's realtime wire differs from OpenAI's own: its events are translated at the edge. */
import type { JsonObject } from '../protocol/json.ts';
import type { Problem } from './openai-wire.ts';

export type Incoming =
  | { readonly kind: 'event'; readonly event: JsonObject }
  | { readonly kind: 'refused'; readonly problem: Problem }
  /** The service says nothing, and does nothing. */
  | { readonly kind: 'ignored' };

/** Of one session: it may remember what OpenAI's own session has no place for. */
export interface Variant {
  /** The longest session. */
  readonly sessionMs: number;
  /** Between `ping` events; null for a service that sends none. */
  readonly pingMs: number | null;
  /** For what the service charges: the tokens that it reports, or the sound of both sides and the items that clients add. */
  readonly charges: 'tokens' | 'sound and items';
  /** Whether `conversation.created` comes before `session.created`. */
  readonly tellsConversation: boolean;
  /** What a client's event says in OpenAI's terms. */
  incoming(event: JsonObject): Incoming;
  /** An event as this service sends it; null when it does not. */
  outgoing(event: JsonObject): JsonObject | null;
}

/** OpenAI itself. */
export const PLAIN: Variant = {
  sessionMs: 60 * 60_000,
  pingMs: null,
  charges: 'tokens',
  tellsConversation: false,
  incoming: (event) => ({ kind: 'event', event }),
  outgoing: (event) => event,
};
