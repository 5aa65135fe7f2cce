/** How Cartesia says that something is wrong: versions before 2026-03-01 have one text, later ones have members for it. */
import type { JsonObject } from '../protocol/json.ts';

export interface CartesiaError {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly message: string;
}

/** Versions are dates, and compare as text. */
const STRUCTURED_SINCE = '2026-03-01';

export function errorMembers(error: CartesiaError, version: string): JsonObject {
  const { status, code, title, message } = error;
  return version < STRUCTURED_SINCE
    ? { error: `${title}: ${message}`, status_code: status }
    : { status_code: status, error_code: code, title, message };
}

export function badRequest(message: string): CartesiaError {
  return { status: 400, code: 'invalid_request', title: 'Invalid request', message };
}
