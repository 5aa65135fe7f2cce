/** One member of a JSON text in place of another; every other character of it stays. */
import { editJson } from '../protocol/json-edit.ts';

/** @param path from the outermost object inwards; @param text valid JSON */
export function withMember(text: string, path: readonly string[], value: string): string {
  // The scope is how many steps of the path lead here; -1 off it.
  return editJson(text, 0, {
    enter: (at, key) => (at >= 0 && at < path.length && path[at] === key ? at + 1 : -1),
    hides: (at) => at === path.length,
    hidden: () => JSON.stringify(value),
    string: (each) => each,
    literal: (raw) => raw,
  });
}
