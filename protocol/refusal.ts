/**
 * How a session refuses a client, on its way back to the edge: an ordinary response whose headers say what the edge must
 * make of it. The edge takes these headers off before anything leaves.
 */
import type { PublicError } from './errors.ts';
import { BODILESS, isFinal } from './provider-status.ts';

/** JSON of the PublicError, percent-encoded: header values are ASCII. */
const REFUSAL_HEADER = 'parley-refusal';
/** Present when the body is the provider's own answer, to be passed on with its status. */
const PROVIDER_ANSWER_HEADER = 'parley-provider-answer';

export interface Refusal {
  readonly error: PublicError;
  readonly providerAnswered: boolean;
}

/** An answer of Parley's own. */
export function refuse(error: PublicError, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(null, {
    status: error.status,
    headers: { ...headers, [REFUSAL_HEADER]: encodeURIComponent(JSON.stringify(error)) },
  });
}

/** The provider's own answer to the handshake. A status that no answer of ours may have (999, 199) becomes 502. */
export function passRefusal(
  error: PublicError,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array<ArrayBuffer>,
): Response {
  return new Response(BODILESS.includes(status) ? null : body, {
    status: isFinal(status) ? status : error.status,
    headers: {
      ...headers,
      [REFUSAL_HEADER]: encodeURIComponent(JSON.stringify(error)),
      [PROVIDER_ANSWER_HEADER]: '1',
    },
  });
}

/** Reads a refusal back, or null when the response is none (a 101). */
export function readRefusal(response: Response): Refusal | null {
  const encoded = response.headers.get(REFUSAL_HEADER);
  if (encoded === null) return null;
  return {
    // Written by the two functions above, and by nothing else: clients cannot reach a session without the edge.
    error: JSON.parse(decodeURIComponent(encoded)) as PublicError,
    providerAnswered: response.headers.has(PROVIDER_ANSWER_HEADER),
  };
}

/** The response without the headers that are only for the edge. */
export function withoutRefusalHeaders(headers: Headers): Headers {
  const cleaned = new Headers(headers);
  cleaned.delete(REFUSAL_HEADER);
  cleaned.delete(PROVIDER_ANSWER_HEADER);
  return cleaned;
}
