/** `GET …/sessions/{id}/digest`: a SHA-256 over the log that anyone can recompute. */
import { readView } from './read-view.ts';
import type { RouteContext } from './routes.ts';

export async function getDigest(context: RouteContext): Promise<Response> {
  const { method, headers: asked } = context.request;
  const known = asked.get('if-none-match');
  const headers = new Headers(known === null ? {} : { 'if-none-match': known });
  return readView(context, 'digest', {}, { method, headers });
}
