/**
 * Sends an ended session to the operator's collector, as a trace: at least once, from its recorder's alarm. Nobody waits
 * for it, and a record that is deleted first is not sent.
 */
import { backoffMs } from '../protocol/backoff.ts';
import { type SessionAddress, sessionObjectName } from '../protocol/connect.ts';
import { traceRequest } from '../protocol/otlp.ts';
import type { Ending } from '../protocol/recording.ts';
import { parseSettings, type Settings } from '../protocol/settings.ts';
import { providerFor } from '../providers/registry.ts';
import { LIMITS } from '../session/limits.ts';
import { sessionSpans, spanRecordKinds } from '../storage/session-spans.ts';
import type { SessionStore, SessionView } from '../storage/session-store.ts';
import type { TraceStore } from '../storage/trace-store.ts';
import { logLine } from './log-line.ts';
import { type Posted, poster } from './post.ts';

/** Answers of a collector that is to be asked again, by the standard; any other refusal is for good. */
const TRY_AGAIN = [429, 502, 503, 504];
const TRACES_PATH = '/v1/traces';

/** Settings by name. */
type Environment = Readonly<Record<string, unknown>>;

export class TraceExport {
  readonly #store: SessionStore;
  readonly #progress: TraceStore;
  readonly #env: Environment;
  readonly #post = poster(LIMITS.deliveryMs);

  constructor(store: SessionStore, progress: TraceStore, env: Environment) {
    this.#store = store;
    this.#progress = progress;
    this.#env = env;
  }

  /** Whether the deployment exports traces. */
  get wanted(): boolean {
    return tracesUrl(settingsOf(this.#env)) !== null;
  }

  /** Exports the session if that is due. Answers when it is due again; null: never. */
  async run(now: number): Promise<number | null> {
    const settings = settingsOf(this.#env);
    const url = tracesUrl(settings);
    const view = this.#store.view();
    if (settings === null || url === null || view === null || view.ending === null) return null;
    const { startedAt, traceParent = null, address } = view.opening;
    // The client's tracer decided against the whole trace: its part alone would have no parent.
    if (traceParent?.sampled === false) return null;
    const { attempts, nextAt } = this.#progress.progress(startedAt);
    if (nextAt === null || nextAt > now) return nextAt;
    const posted = await this.#send(url, view, view.ending, settings);
    // It may have been deleted meanwhile, or begun again.
    if (this.#store.view()?.opening.startedAt !== startedAt) return null;
    const failures = attempts + 1;
    const next = nextAttempt(posted, failures, Date.now());
    this.#progress.note(startedAt, { attempts: failures, nextAt: next });
    if (posted.problem !== null)
      logLine('warn', 'trace_export', {
        session: address.id,
        problem: posted.problem,
        again: next !== null,
      });
    return next;
  }

  async #send(url: string, view: SessionView, ending: Ending, settings: Settings): Promise<Posted> {
    const headers = { ...settings.OTEL_EXPORTER_OTLP_HEADERS, 'content-type': 'application/json' };
    try {
      return await this.#post(url, headers, await this.#body(view, ending, settings));
    } catch (error) {
      // A record that cannot be read must not stop the alarm, which has more to do.
      return { status: null, problem: String(error) };
    }
  }

  async #body(view: SessionView, ending: Ending, settings: Settings): Promise<string> {
    const { opening } = view;
    // What may not be stored may not be told either.
    const content = settings.PARLEY_OTEL_CONTENT && opening.log === 'full';
    const ids = await traceIds(opening.address, opening.startedAt);
    const records = this.#store.records(spanRecordKinds(content), 0, LIMITS.recordsBacklog);
    return traceRequest({
      traceId: opening.traceParent?.traceId ?? ids.traceId,
      serviceName: settings.OTEL_SERVICE_NAME,
      spans: sessionSpans(view, ending, records, {
        spanId: ids.spanId,
        provider: providerFor(opening.provider, this.#env)?.genAiName ?? opening.provider,
        success: this.#store.summary(opening.address.id)?.success === true,
        content,
        limits: LIMITS,
      }),
    });
  }
}

/** When a trace is sent again; null: it arrived, or never will. */
function nextAttempt({ status, problem }: Posted, failures: number, now: number): number | null {
  const isWorthIt = status === null || TRY_AGAIN.includes(status);
  if (problem === null || !isWorthIt || failures >= LIMITS.deliveryAttempts) return null;
  return now + backoffMs(failures, LIMITS.retryFirstMs, LIMITS.retryMostMs, Math.random());
}

/** The same at each attempt: a collector that gets a trace twice knows it by them. */
async function traceIds(
  address: SessionAddress,
  startedAt: number,
): Promise<{ readonly traceId: string; readonly spanId: (number: number) => string }> {
  const name = new TextEncoder().encode(`${sessionObjectName(address)}/${startedAt}`);
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', name));
  const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const first = BigInt(`0x${hex.slice(32, 48)}`);
  return {
    traceId: hex.slice(0, 32),
    spanId: (number) =>
      BigInt.asUintN(64, first + BigInt(number))
        .toString(16)
        .padStart(16, '0'),
  };
}

function settingsOf(env: Environment): Settings | null {
  const parsed = parseSettings(env);
  return parsed.ok ? parsed.settings : null;
}

/** The very URL that was given for traces, else that below the base URL. */
function tracesUrl(settings: Settings | null): string | null {
  if (settings === null) return null;
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own } = settings;
  if (own !== null) return own;
  return base === null ? null : base.replace(/\/+$/, '') + TRACES_PATH;
}
