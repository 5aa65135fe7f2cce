/** What a role allows. */
import { type Role, ROLES } from '../protocol/connect.ts';
import type { Act } from '../providers/adapter.ts';

/** Whether who may be `highest` may be `role`. */
export function isWithin(role: Role, highest: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(highest);
}

export function within(role: Role, highest: Role): Role {
  return isWithin(role, highest) ? role : highest;
}

/** Whatever is not granted here is not allowed. */
export function mayDo(role: Role, act: Act): boolean {
  switch (role) {
    case 'controller':
      return true;
    case 'speaker':
      return act === 'speak' || act === 'attend';
    case 'observer':
      return false;
  }
}

/** For the sentence that says what was not allowed. */
export function described(act: Act): string {
  switch (act) {
    case 'speak':
      return 'speak';
    case 'answer':
      return 'answer for tools';
    case 'configure':
      return 'change or end the session';
    case 'attend':
    case 'unknown':
      return 'send this';
  }
}
