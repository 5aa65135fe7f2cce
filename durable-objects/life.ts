/** One life of a session: from its first client to its end. */
import { type ConnectPlan, directoryObjectName, sessionObjectName } from '../protocol/connect.ts';
import type { LogRecord, Opening } from '../protocol/recording.ts';
import type { ProviderAdapter } from '../providers/adapter.ts';
import { providerFor } from '../providers/registry.ts';
import { LIMITS } from '../session/limits.ts';
import { Session } from '../session/session.ts';
import type { Snapshot } from '../session/snapshot.ts';
import type { Wire } from '../session/wire.ts';
import { BudgetLink, type BudgetLinkOptions } from './budget-link.ts';
import type { Env } from './environment.ts';
import { pricesFor } from './prices-for.ts';
import { checkpointsOf } from './kept-session.ts';
import { type DialOutcome, dialUpstream, type FailedDial, type Fetcher } from './opening.ts';
import { RecorderLink } from './recorder-link.ts';
import { Upstreams } from './upstreams.ts';

export interface Life {
  readonly session: Session;
  readonly plan: ConnectPlan;
  readonly adapter: ProviderAdapter;
  readonly link: RecorderLink;
  readonly upstreams: Upstreams;
  /** Null: nothing limits whether it may begin, or what it may spend. */
  readonly admission: BudgetLink | null;
  failure: FailedDial | null;
  /** Dials that failed before the one of now. */
  readonly failed: LogRecord[];
}

/** What a life needs of the object that it is lived in. */
export interface Surroundings {
  readonly wire: Wire;
  readonly fetcher: (adapter: ProviderAdapter) => Fetcher;
  readonly report: (problem: string) => void;
}

/**
 * A session that is about to dial, or goes on from what is known of it. The edge has looked the provider up already, so it
 * is known.
 *
 * @param from what is known of it
 * @param before the life in whose place this one comes, because nothing answered its dial
 */
export function beginLife(
  plan: ConnectPlan,
  env: Env,
  { wire, fetcher, report }: Surroundings,
  from: Snapshot | null = null,
  before: Life | null = null,
): Life {
  const adapter = providerFor(plan.provider, env);
  if (adapter === undefined) throw new Error(`no adapter for ${plan.provider}`);
  const startedAt = from?.startedAt ?? before?.session.lives.startedAt ?? Date.now();
  const spending = {
    cost: () => session.totals().cost_nano,
    heard: () => session.watchBudget(Date.now()),
  };
  const costBefore = from?.tally.totals.cost_nano ?? 0;
  const admission =
    before?.admission ?? admissionOf(plan, env, startedAt, { costBefore, ...spending, report });
  admission?.follow(spending);
  const session = new Session(
    { ...plan, prices: pricesFor(plan, adapter, env), budget: admission?.budget ?? null },
    adapter,
    LIMITS,
    {
      ...wire,
      ended: (ending) => {
        void admission?.leave(ending.totals.cost_nano);
        wire.ended(ending);
      },
    },
    from === null ? startedAt : Date.now(),
    from,
  );
  // Whatever came of the dials before is in this record from its beginning, under the numbers that it had.
  const failed = before?.failed ?? [];
  for (const each of failed) session.recording.record(each);
  const link = new RecorderLink({
    recorder: () => env.RECORDER.getByName(sessionObjectName(plan.session)),
    opening: openingOf(plan, startedAt, adapter),
    recording: session.recording,
    catchUp: () => session.catchUp(),
    totals: () => session.totals(),
    checkpoint: checkpointsOf(plan, session),
    resumable: plan.named,
    begun: from !== null,
    limits: LIMITS,
    report,
  });
  // Once only may a dial be left to itself: a provider that never answers would collect them.
  let cancels = false;
  const dial = async (): Promise<DialOutcome> => {
    admission?.wake();
    const { state } = session.books;
    const outcome = await dialUpstream({ adapter, plan, state, cancels }, fetcher(adapter), env, report);
    cancels ||= outcome.kind === 'failed' && outcome.failure.reason === 'upstream_timeout';
    return outcome;
  };
  const upstreams = upstreamsOf(plan, session, failed, dial);
  return { session, plan, adapter, link, admission, upstreams, failure: null, failed };
}

/** @param failed gets what is to be told of dials that failed */
function upstreamsOf(
  plan: ConnectPlan,
  session: Session,
  failed: LogRecord[],
  dial: () => Promise<DialOutcome>,
): Upstreams {
  const { provider, model, fallback = [], step = 0 } = plan;
  return new Upstreams({
    session: () => session,
    dial,
    attempts: plan.attempts,
    record: (error) => {
      failed.push(error);
      session.books.record(error.kind, error.body, error.at);
    },
    about: fallback.length > 0 || step > 0 ? { provider, model } : {},
    hasNext: fallback.length > 0,
    secret: () => plan.request.credential,
  });
}

function openingOf(plan: ConnectPlan, startedAt: number, { sound }: ProviderAdapter): Opening {
  return {
    address: plan.session,
    provider: plan.provider,
    model: plan.model,
    simulated: plan.simulated,
    credentialSource: plan.credentialSource,
    log: plan.log,
    metadata: plan.metadata,
    eventId: plan.eventId,
    path: plan.request.path,
    redriveOf: plan.redriveOf ?? null,
    traceParent: plan.traceParent,
    sound: sound === undefined ? null : JSON.stringify(sound.begin(plan.request)),
    startedAt,
  };
}

function admissionOf(
  { admission: terms, session: { account, gateway, id } }: ConnectPlan,
  env: Env,
  askedAt: number,
  events: Pick<BudgetLinkOptions, 'costBefore' | 'cost' | 'heard' | 'report'>,
): BudgetLink | null {
  if (terms === null) return null;
  return new BudgetLink({
    directory: () => env.DIRECTORY.getByName(directoryObjectName(account, gateway)),
    lease: { session: id, askedAt },
    terms,
    limits: LIMITS,
    ...events,
  });
}
