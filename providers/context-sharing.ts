/**
 * Contexts of several clients on one socket, for providers that call them by ids which clients choose: each client hears its
 * own, and two that chose the same id are kept apart. An id is changed only when another client has used it before.
 */
import { asObject, type JsonValue, parseJson } from '../protocol/json.ts';
import { withMember } from './member-edit.ts';
import { renamed, type Sharing, shortId } from './sharing.ts';

type Owned = {
  /** As its client calls it, and as the wire does. */
  readonly id: string;
  readonly wire: string;
  readonly owner: number;
};

export type ContextMemory = { readonly contexts: readonly Owned[] };

export interface ContextWire<S extends JsonValue> {
  /** The member of a request that names its context. */
  readonly up: string;
  /** The member of an answer; its first group is all that comes before the id, its second the id. */
  readonly down: RegExp;
  /** Contexts under way. */
  live(state: S): readonly string[];
  /** Optional. What stands in for a request that would end every client's contexts; null: it is no such request. */
  instead?(request: JsonValue, own: readonly string[]): readonly string[] | null;
}

/**
 * Far more than any provider speaks at once. Those that are over stay among them: a provider knows an id for a while after its
 * context has ended, and would refuse it to another.
 */
const CONTEXTS = 256;

export function contextSharing<S extends JsonValue>(wire: ContextWire<S>): Sharing<S, ContextMemory> {
  return {
    begin: (state, first) => ({
      contexts: wire.live(state()).map((id) => ({ id, wire: id, owner: first })),
    }),
    up: (memory, _state, { owner, isAlone }, payload) => {
      const request = typeof payload === 'string' ? asObject(parseJson(payload)) : undefined;
      if (request === undefined || typeof payload !== 'string') return { memory, up: [payload] };
      const own = memory.contexts.filter((each) => each.owner === owner);
      const instead = isAlone
        ? null
        : wire.instead?.(
            request,
            own.map((each) => each.wire),
          );
      if (instead != null) return { memory, up: instead };
      const id = shortId(request[wire.up]);
      if (id === undefined) return { memory, up: [payload] };
      const known = own.find((each) => each.id === id);
      const isTaken = memory.contexts.some((each) => each.wire === id);
      const context = known ?? { id, owner, wire: isTaken ? renamed(id, owner) : id };
      return {
        memory: { contexts: [...memory.contexts.filter((each) => each !== known), context].slice(-CONTEXTS) },
        up: [context.wire === id ? payload : withMember(payload, [wire.up], context.wire)],
      };
    },
    down: (memory, payload) => {
      const everyone = { memory, to: null, own: payload };
      if (typeof payload !== 'string') return everyone;
      // Audio is not parsed for its id. Inside a string the quotes around the name would be escaped.
      const found = wire.down.exec(payload);
      const [all = '', before = '', name = ''] = found ?? [];
      const context = memory.contexts.find((each) => each.wire === name);
      if (found === null || context === undefined) return everyone;
      const start = found.index + before.length;
      return {
        memory,
        to: context.owner,
        own:
          context.wire === context.id
            ? payload
            : payload.slice(0, start) +
              JSON.stringify(context.id).slice(1, -1) +
              payload.slice(found.index + all.length - 1),
      };
    },
  };
}
