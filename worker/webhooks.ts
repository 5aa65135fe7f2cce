/** REST over webhooks: the endpoints, and what became of what they were told. */
import { DeliveriesQuery, type DeliveryShape } from '../protocol/webhook-shapes.ts';
import { LIMITS } from '../session/limits.ts';
import type { Delivery } from '../storage/webhook-store.ts';
import { directoryOf } from './gateway.ts';
import { parseQuery } from './read-request.ts';
import { ok } from './respond.ts';
import type { RouteContext } from './routes.ts';

export async function listWebhooks({ env, account, gateway }: RouteContext): Promise<Response> {
  const endpoints = await directoryOf(env, account, gateway).webhooks();
  return ok(endpoints, { count: endpoints.length, cursor: null, per_page: endpoints.length });
}

export async function listDeliveries({ request, env, account, gateway }: RouteContext): Promise<Response> {
  const query = parseQuery(DeliveriesQuery, [...new URL(request.url).searchParams]);
  const limit = query.limit ?? LIMITS.pageSessions / 5;
  // One more than the page shows whether there is a next one.
  const found = await directoryOf(env, account, gateway).deliveries(
    query.status ?? null,
    query.cursor ?? null,
    limit + 1,
  );
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return ok(page.map(deliveryShape), {
    count: page.length,
    cursor: found.length > limit && last !== undefined ? String(last.number) : null,
    per_page: limit,
  });
}

function deliveryShape(delivery: Delivery): DeliveryShape {
  return {
    id: delivery.id,
    event: delivery.event,
    session: delivery.session,
    url: delivery.url,
    status: delivery.status,
    attempts: delivery.attempts,
    created_at: new Date(delivery.createdAt).toISOString(),
    last_attempt_at: delivery.lastAt === null ? null : new Date(delivery.lastAt).toISOString(),
    last_status: delivery.lastStatus,
    last_error: delivery.lastError,
    next_attempt_at: delivery.nextAt === null ? null : new Date(delivery.nextAt).toISOString(),
  };
}
