/**
 * How the one socket of a provider is shared by several clients whose SDKs each believe that it is theirs. Pure, as the rest
 * of an adapter is: what must be remembered is plain JSON.
 */
import type { Payload } from '../protocol/connect.ts';
import { asText, type JsonValue } from '../protocol/json.ts';

/** Who sent a frame. */
export interface Speaker {
  /** Stays the same when a client of a name comes back. */
  readonly owner: number;
  readonly isController: boolean;
  /** It came to a session in which others were, and has sent nothing but what `habit` answered. */
  readonly isOpening: boolean;
  /** Nobody else is attached. */
  readonly isAlone: boolean;
  isAttached(owner: number): boolean;
}

/** What it takes is asked for only when it is needed: every frame so far must have been read for it. */
export type StateNow<S> = () => S;

export interface SentUp<M> {
  readonly memory: M;
  /** What goes up in its place; nothing when it would only do harm. */
  readonly up: readonly Payload[];
}

export interface SentDown<M> {
  readonly memory: M;
  /** The one owner whom it is for; null: everyone. */
  readonly to: number | null;
  /** What that owner gets, with its own ids in it. */
  readonly own: Payload;
}

/** Asked from the moment on at which a second client is attached; a session of one client never comes here. */
export interface Sharing<S extends JsonValue = JsonValue, M extends JsonValue = JsonValue> {
  /** @param first to whom all that is under way belongs */
  begin(state: StateNow<S>, first: number): M;
  /**
   * Optional: what an SDK sends by itself when it connects, and would undo what others have set up. Its answers go to the
   * sender alone; null: the frame is none of these.
   */
  habit?(state: StateNow<S>, speaker: Speaker, payload: Payload): readonly Payload[] | null;
  up(memory: M, state: StateNow<S>, speaker: Speaker, payload: Payload): SentUp<M>;
  down(memory: M, payload: Payload): SentDown<M>;
}

const LONGEST_ID = 256;

/** An id that is remembered; undefined also for one that is too long to be. */
export function shortId(value: JsonValue | undefined): string | undefined {
  const id = asText(value);
  return id !== undefined && id.length <= LONGEST_ID ? id : undefined;
}

/** How an id is called on the wire while another client's of the same name is in use there. */
export function renamed(id: string, owner: number): string {
  return `${id}~c${owner}`;
}
