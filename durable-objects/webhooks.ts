/**
 * Tells a gateway's webhooks what happened: at least once, from the directory's alarm, and never while anyone waits for
 * it. What is to be told is stored together with what it is about, so that a crash loses neither.
 */
import type { SessionAddress } from '../protocol/connect.ts';
import { backoffMs } from '../protocol/backoff.ts';
import type { WebhookEndpoint, WebhookEvent } from '../protocol/webhooks.ts';
import type { Limits } from '../session/limits.ts';
import type { DueDelivery, WebhookStore } from '../storage/webhook-store.ts';
import type { Post, Posted } from './post.ts';
import { signatureHeaders } from './webhook-signature.ts';

export interface WebhooksOptions {
  readonly store: WebhookStore;
  readonly gateway: () => Pick<SessionAddress, 'account' | 'gateway'>;
  /** Asked each time: settings may change. */
  readonly endpoints: () => readonly WebhookEndpoint[];
  /** Those that an endpoint's deliveries are signed with. */
  readonly secrets: (url: string) => Promise<readonly string[]>;
  readonly post: Post;
  readonly now: () => number;
  /** From 0 to 1. */
  readonly chance: () => number;
  readonly newId: () => string;
  readonly limits: Pick<
    Limits,
    | 'retryFirstMs'
    | 'retryMostMs'
    | 'deliveryAttempts'
    | 'webhooksAtOnce'
    | 'webhookRunMs'
    | 'webhooksWaiting'
    | 'webhooksKept'
    | 'webhooksKeptMs'
  >;
  /** That so many were given up, since too many wait. */
  readonly dropped: (deliveries: number) => void;
}

/** The receiver is gone for good, and says so. */
const GONE = 410;

export class Webhooks {
  readonly #options: WebhooksOptions;

  constructor(options: WebhooksOptions) {
    this.#options = options;
  }

  /** Puts events in line for every endpoint that wants them. True when there is something new to deliver. */
  announce(events: readonly WebhookEvent[]): boolean {
    const { store, endpoints, limits, now } = this.#options;
    const isNew = events
      .flatMap((event) =>
        endpoints()
          .filter((endpoint) => endpoint.events.includes(event.type))
          .map((endpoint) => this.#enqueue(event, endpoint.url, now())),
      )
      .includes(true);
    if (!isNew) return false;
    const dropped = store.dropOldest(limits.webhooksWaiting);
    if (dropped > 0) this.#options.dropped(dropped);
    return true;
  }

  /** Delivers what is due, for a while. Answers when there is something to do again; null: when something is announced. */
  async deliver(): Promise<number | null> {
    const { store, limits, now } = this.#options;
    const until = now() + limits.webhookRunMs;
    // Each endpoint for itself: one that is slow holds up nobody but itself.
    await Promise.all(store.urlsDue(now()).map((url) => this.#serve(url, until)));
    store.forget(now() - limits.webhooksKeptMs, limits.webhooksKept);
    return store.nextDue(limits.webhooksKeptMs);
  }

  #enqueue({ type, key, session, at, data }: WebhookEvent, url: string, now: number): boolean {
    const { store, newId } = this.#options;
    const { account, gateway } = this.#options.gateway();
    const body = JSON.stringify({
      type,
      timestamp: new Date(at).toISOString(),
      data: { account, gateway, ...data },
    });
    return store.enqueue({ id: `msg_${newId()}`, event: type, key, session, url, body }, now);
  }

  async #serve(url: string, until: number): Promise<void> {
    const { store, limits, now } = this.#options;
    do {
      const batch = store.due(url, now(), limits.webhooksAtOnce);
      if (batch.length === 0) return;
      await Promise.all(batch.map((delivery) => this.#attempt(delivery)));
    } while (now() < until);
  }

  async #attempt({ number, id, url, body, attempts }: DueDelivery): Promise<void> {
    const { store, endpoints, secrets, post, now, chance, limits } = this.#options;
    if (!endpoints().some((endpoint) => endpoint.url === url)) {
      const error = 'given up: the settings have no such endpoint any more';
      store.attempted(number, { at: now(), httpStatus: null, error, outcome: { is: 'failed' } });
      return;
    }
    const headers = await signatureHeaders(await secrets(url), id, body, now());
    const posted = await post(url, { ...headers, 'content-type': 'application/json' }, body);
    const failures = attempts + 1;
    const isOver = posted.status === GONE || failures >= limits.deliveryAttempts;
    const wait = backoffMs(failures, limits.retryFirstMs, limits.retryMostMs, chance());
    store.attempted(number, {
      at: now(),
      httpStatus: posted.status,
      error: posted.problem,
      outcome: outcomeOf(posted, isOver, now() + wait),
    });
  }
}

function outcomeOf({ problem }: Posted, isOver: boolean, nextAt: number) {
  if (problem === null) return { is: 'delivered' } as const;
  return isOver ? ({ is: 'failed' } as const) : ({ is: 'pending', nextAt } as const);
}
