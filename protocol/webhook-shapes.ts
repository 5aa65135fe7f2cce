/** The shapes of the REST API over webhooks. */
import * as v from 'valibot';
import { Count, Time, whole } from './rest.ts';
import { WEBHOOK_EVENTS } from './webhooks.ts';

export const DELIVERY_STATUSES = ['pending', 'delivered', 'failed'] as const;

export const DeliveriesQuery = v.strictObject({
  status: v.optional(v.picklist(DELIVERY_STATUSES)),
  cursor: v.optional(whole(1, Number.MAX_SAFE_INTEGER)),
  limit: v.optional(whole(1, 100)),
});

export const WebhookShape = v.object({
  url: v.string(),
  events: v.array(v.picklist(WEBHOOK_EVENTS)),
  /** Verifies the signatures of this endpoint alone; it changes with the deployment's signing key. */
  secret: v.string(),
  /** Deliveries that are remembered. */
  deliveries: v.object({ pending: Count, delivered: Count, failed: Count }),
});
export type WebhookShape = v.InferOutput<typeof WebhookShape>;

export const DeliveryShape = v.object({
  /** The `webhook-id` of every attempt. */
  id: v.string(),
  event: v.picklist(WEBHOOK_EVENTS),
  session: v.nullable(v.string()),
  url: v.string(),
  status: v.picklist(DELIVERY_STATUSES),
  attempts: Count,
  created_at: Time,
  last_attempt_at: v.nullable(Time),
  /** The HTTP status of the last answer; null when there was none. */
  last_status: v.nullable(Count),
  last_error: v.nullable(v.string()),
  /** Null once it is delivered, or given up. */
  next_attempt_at: v.nullable(Time),
});
export type DeliveryShape = v.InferOutput<typeof DeliveryShape>;
