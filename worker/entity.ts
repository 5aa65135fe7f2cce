/** An answer that a client may keep and ask for again by its tag. */
import { isKnown } from '../protocol/entity-tag.ts';

/** @param isFinal the same will be answered for as long as it is there: then it has a strong ETag */
export async function entity(
  request: Request,
  text: string,
  type: string,
  isFinal: boolean,
): Promise<Response> {
  const headers = new Headers({
    'content-type': `${type}; charset=utf-8`,
    'cache-control': isFinal ? 'private, no-cache' : 'no-store',
    'x-content-type-options': 'nosniff',
    vary: 'accept',
  });
  const body = new TextEncoder().encode(text);
  if (isFinal) {
    const etag = await etagOf(body);
    headers.set('etag', etag);
    if (isKnown(request.headers.get('if-none-match'), etag))
      return new Response(null, { status: 304, headers });
  }
  headers.set('content-length', String(body.length));
  return new Response(body, { headers });
}

const TAG_BYTES = 16;

async function etagOf(body: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
  return `"${digest.subarray(0, TAG_BYTES).toHex()}"`;
}
