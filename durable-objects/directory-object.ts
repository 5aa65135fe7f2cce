/** The directory of one gateway: its sessions, client tokens, settings and provider keys. Nothing on a frame's path ever waits for it. */
import { DurableObject } from 'cloudflare:workers';
import type { Admission, AdmissionTerms, Lease, SpentByOthers } from '../protocol/admission.ts';
import { readDirectoryObjectName, sessionObjectName } from '../protocol/connect.ts';
import { readGatewaySettings, withGateway } from '../protocol/gateway-settings.ts';
import { type JsonObject, parseJson } from '../protocol/json.ts';
import type { LogQuery, LogRanges } from '../protocol/log-query.ts';
import type { SessionSummary } from '../protocol/recording.ts';
import { parseSettings } from '../protocol/settings.ts';
import type { WebhookShape } from '../protocol/webhook-shapes.ts';
import { sessionEvents, type WebhookEvent } from '../protocol/webhooks.ts';
import { LIMITS } from '../session/limits.ts';
import { AdmissionStore } from '../storage/admission-store.ts';
import {
  DirectoryStore,
  type IssuedToken,
  type SessionCursor,
  type SessionFilter,
} from '../storage/directory-store.ts';
import { GatewayStore, type KeyName, type SealedKey } from '../storage/gateway-store.ts';
import { LogStore } from '../storage/log-store.ts';
import { type Planned, PlannedSessionStore } from '../storage/planned-session-store.ts';
import {
  type HourRange,
  type ProviderTotals,
  type UsageGroup,
  type UsageGrouping,
  UsageStore,
} from '../storage/usage-store.ts';
import { type Delivery, type DeliveryStatus, WebhookStore } from '../storage/webhook-store.ts';
import { Deadlines } from './deadlines.ts';
import type { Env } from './environment.ts';
import { describeWebhooks, gatewayWebhooks } from './gateway-webhooks.ts';
import { logLine } from './log-line.ts';
import { Retention } from './retention.ts';
import type { Webhooks } from './webhooks.ts';

export interface LogPage {
  readonly sessions: readonly SessionSummary[];
  /** Of all pages. */
  readonly total: number;
  readonly ranges: LogRanges | null;
}

/** What a connection needs to know of its gateway. */
export interface GatewayView {
  /** The gateway's own, as JSON text. */
  readonly settings: string;
  /** Whether the token was revoked. */
  readonly revoked: boolean;
  readonly key: SealedKey | null;
  /** What its session was created as, as JSON text; null: it was not. */
  readonly planned: string | null;
}

export class DirectoryObject extends DurableObject<Env> {
  readonly #store: DirectoryStore;
  readonly #usage: UsageStore;
  readonly #logs: LogStore;
  readonly #gateway: GatewayStore;
  readonly #planned: PlannedSessionStore;
  readonly #admission: AdmissionStore;
  readonly #retention: Retention;
  readonly #deliveries: WebhookStore;
  readonly #webhooks: Webhooks;
  readonly #deadlines: Deadlines<'retention' | 'webhooks'>;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new DirectoryStore(ctx.storage.sql);
    this.#usage = new UsageStore(ctx.storage.sql);
    this.#logs = new LogStore(ctx.storage.sql);
    this.#gateway = new GatewayStore(ctx.storage.sql);
    this.#planned = new PlannedSessionStore(ctx.storage.sql);
    this.#admission = new AdmissionStore(ctx.storage.sql, LIMITS);
    this.#retention = new Retention({
      store: this.#store,
      days: () => this.#retentionDays(),
      limits: LIMITS,
      erase: (id, endedBefore) => this.#recorder(id).eraseEndedBefore(endedBefore),
      report: (session, problem) => logLine('warn', 'retention', { session, problem }),
    });
    this.#deliveries = new WebhookStore(ctx.storage.sql);
    this.#webhooks = gatewayWebhooks(this.#deliveries, ctx.id.name ?? '', env);
    this.#deadlines = new Deadlines(
      ctx.storage,
      { retention: () => this.#retention.sweep(Date.now()), webhooks: () => this.#webhooks.deliver() },
      (task, problem) => logLine('error', 'alarm', { task, problem }),
    );
    // Versions without retention set no alarm, and a gateway may have no new sessions.
    this.#watch().catch((error: unknown) => logLine('warn', 'retention', { problem: String(error) }));
  }

  async put(summary: SessionSummary): Promise<void> {
    const outcome = this.#store.put(summary);
    // Nothing is awaited between the two: they are stored together.
    this.#admission.told(summary, Date.now());
    if (outcome.taken) await this.announce(sessionEvents(outcome.before, summary));
    await this.#watch();
  }

  /** Tells the webhooks; each event once, however often it is announced. */
  async announce(events: readonly WebhookEvent[]): Promise<void> {
    if (this.#webhooks.announce(events)) await this.#deadlines.set('webhooks', Date.now());
  }

  /** Asked once for each new session; see `AdmissionStore`. */
  admit(lease: Lease, terms: AdmissionTerms): Admission {
    return this.#admission.admit(lease, terms, Date.now());
  }

  spent(lease: Lease, costNano: number | null): SpentByOthers {
    return this.#admission.spent(lease, costNano, Date.now());
  }

  left(lease: Lease, costNano: number | null): void {
    this.#admission.left(lease, costNano, Date.now());
  }

  spentToday(): number {
    return this.#admission.spentToday(Date.now());
  }

  webhooks(): Promise<WebhookShape[]> {
    return describeWebhooks(this.#deliveries, this.ctx.id.name ?? '', this.env);
  }

  deliveries(status: DeliveryStatus | null, before: number | null, limit: number): Delivery[] {
    return this.#deliveries.list(status, before, limit);
  }

  /** Sees to it that a sweep is due while there are sessions. */
  #watch(): Promise<void> {
    return this.#deadlines.keep('retention', () => this.#retention.nextDue(Date.now()));
  }

  override alarm(): Promise<void> {
    return this.#deadlines.ring(Date.now());
  }

  #retentionDays(): number | null {
    const deployment = parseSettings(this.env);
    const own = readGatewaySettings(parseJson(this.#gateway.settings()) ?? null);
    if (!deployment.ok || !own.ok) return null;
    return withGateway(deployment.settings, own.settings).PARLEY_RETENTION_DAYS;
  }

  /** Objects are only ever made by name here. */
  #recorder(id: string) {
    return this.env.RECORDER.getByName(
      sessionObjectName({ ...readDirectoryObjectName(this.ctx.id.name ?? ''), id }),
    );
  }

  logs(query: LogQuery, offset: number, limit: number, withRanges: boolean): LogPage {
    return {
      sessions: this.#logs.page(query, offset, limit, Date.now()),
      ...this.#logs.extent(query, withRanges, Date.now()),
    };
  }

  /** Hides what was found at once, and deletes it in sweeps, the first of them before this returns. */
  async deleteLogs(query: LogQuery, limit: number): Promise<void> {
    if (this.#logs.hide(query, limit, Date.now()) === 0) return;
    // Should this object go now, the alarm finds what is left.
    await this.#deadlines.set('retention', Date.now() + LIMITS.sweepAgainMs);
    await this.#deadlines.set('retention', await this.#retention.sweep(Date.now()));
  }

  usage(grouping: UsageGrouping, range: HourRange, limit: number): UsageGroup[] {
    return this.#usage.usage(grouping, range, limit);
  }

  totals(): ProviderTotals[] {
    return this.#usage.totals();
  }

  remove(id: string, startedAt: number): void {
    this.#store.remove(id, startedAt);
  }

  list(filter: SessionFilter, cursor: SessionCursor | null, limit: number): SessionSummary[] {
    return this.#store.list(filter, cursor, limit);
  }

  putToken(token: Omit<IssuedToken, 'revoked'>): void {
    this.#store.putToken(token);
  }

  tokens(now: number, limit: number): IssuedToken[] {
    return this.#store.tokens(now, limit);
  }

  revoke(jti: string): boolean {
    return this.#store.revoke(jti);
  }

  isRevoked(jti: string): boolean {
    return this.#store.isRevoked(jti);
  }

  /**
   * All that a connection asks, in one call, which writes nothing.
   *
   * @param jti of its client token; null: it has none
   * @param key the stored key that it would use; null: it brings its own
   * @param session the id that it names; null: none
   */
  gateway(jti: string | null, key: KeyName | null, session: string | null = null): GatewayView {
    return {
      settings: this.#gateway.settings(),
      revoked: jti !== null && this.#store.isRevoked(jti),
      key: key === null ? null : this.#gateway.key(key.provider, key.alias),
      planned: session === null ? null : this.#planned.get(session, Date.now()),
    };
  }

  planSession(id: string, json: string, until: number): Planned {
    return this.#planned.put(id, json, until, Date.now(), LIMITS.plannedSessions);
  }

  removePlanned(id: string): boolean {
    return this.#planned.remove(id);
  }

  /** Null: they would be over the limit, and nothing was changed. */
  changeSettings(change: JsonObject): string | null {
    const isChanged = this.#gateway.change(change, LIMITS.gatewaySettingsCharacters);
    return isChanged ? this.#gateway.settings() : null;
  }

  keys(): SealedKey[] {
    return this.#gateway.keys();
  }

  /** Null: there are too many. */
  putKey(key: KeyName & Pick<SealedKey, 'sealed'>): SealedKey | null {
    return this.#gateway.putKey(key, Date.now(), LIMITS.gatewayKeys);
  }

  resealKey(key: SealedKey): void {
    this.#gateway.resealKey(key);
  }

  removeKey(provider: string, alias: string): boolean {
    return this.#gateway.removeKey(provider, alias);
  }
}
