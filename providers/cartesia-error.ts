/** Cartesia's errors, in both of its shapes. */
import { asCount, asText, type JsonObject } from '../protocol/json.ts';
import type { Observation } from '../protocol/observations.ts';

/** Keys and access tokens, should a message quote one. */
const KEY = /\b(?:sk_car_|eyJ)[A-Za-z0-9_.-]{3,}/g;
const MESSAGE_CHARACTERS = 500;

/** From version 2026-03-01 on: `title`, `message`, `error_code`. Before: one text in `error`. */
export function errorObservation(event: JsonObject): Observation {
  const message = asText(event['message']) ?? asText(event['error']) ?? asText(event['title']) ?? '';
  const status = asCount(event['status_code']);
  return {
    kind: 'error',
    code: asText(event['error_code']) ?? (status === undefined ? 'unknown' : String(status)),
    message: message.replace(KEY, '[key]').slice(0, MESSAGE_CHARACTERS),
  };
}

/**
 * An error of the broker's own. It has the members of both shapes, since the version that a client speaks may be that of
 * its header or its query, or none: each reads those that it knows.
 */
export function errorFrame(error: {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly message: string;
  /** The context that it ends; absent for one that concerns the whole socket. */
  readonly contextId?: string;
}): string {
  const { status, code, title, message, contextId } = error;
  return JSON.stringify({
    type: 'error',
    ...(contextId === undefined ? {} : { context_id: contextId }),
    status_code: status,
    done: true,
    error_code: code,
    title,
    message,
    error: `${title}: ${message}`,
  });
}
