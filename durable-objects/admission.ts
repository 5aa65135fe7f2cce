/** Whether a client may come in: before the dial, and when there is a session to come into. */
import { type ConnectPlan, dialOf, type Role, sessionObjectName } from '../protocol/connect.ts';
import { publicError } from '../protocol/errors.ts';
import { refuse } from '../protocol/refusal.ts';
import type { Kept } from '../protocol/recording.ts';
import { LIMITS } from '../session/limits.ts';
import type { Owed } from '../session/lives.ts';
import type { DownFrame } from '../session/resume-window.ts';
import type { Session } from '../session/session.ts';
import type { Env } from './environment.ts';
import type { Life } from './life.ts';
import type { RecorderLink } from './recorder-link.ts';

/**
 * Whether a client may not be the first of a session: one that only observes has none dialled, and for one that comes
 * back where no session lives there is nothing. A session that is over says so itself.
 */
export async function mayNotOpen(
  { mayOpen, after, session }: Pick<ConnectPlan, 'mayOpen' | 'after' | 'session'>,
  env: Env,
): Promise<Response | null> {
  if (!mayOpen) return refuse(publicError('session_not_found'));
  if (after === null || after === 0) return null;
  const view = await env.RECORDER.getByName(sessionObjectName(session)).describe();
  if (view === null) return refuse(publicError('resume_ahead', { after: String(after), received: '0' }));
  return view.ending === null ? null : refuse(publicError('session_ended', { reason: view.ending.reason }));
}

/**
 * Whether a session may be dialled: not when its gateway is full, or has spent what it may, or a session of this id is over.
 * Asked for a new session alone: who joins one that lives passes by, and so does one that is gone on with.
 */
export async function mayBegin(
  { plan, link, admission }: Pick<Life, 'plan' | 'link' | 'admission'>,
  env: Env,
  report: (problem: string) => void,
): Promise<Response | Kept | null> {
  if (admission !== null) {
    const recorder = env.RECORDER.getByName(sessionObjectName(plan.session));
    // One that does not answer is asked again by findNamed(), which says so.
    const kept = plan.named ? await recorder.recall().catch(() => null) : null;
    const refused = kept === null || kept.checkpoint.graceMs === 0 ? await admission.admit() : null;
    if (refused !== null) return refused;
  }
  if (!plan.named) return null;
  const found = await findNamed(link, report);
  if (found !== null) void admission?.leave(null);
  return found;
}

/** An id that a client chose may have been used before: null where it was not; what is kept of a session that can go on. */
async function findNamed(
  link: RecorderLink,
  report: (problem: string) => void,
): Promise<Response | Kept | null> {
  try {
    const verdict = await link.begin();
    switch (verdict.kind) {
      case 'opened':
        return null;
      case 'kept':
        return verdict.kept;
      case 'ended':
        return refuse(publicError('session_ended', { reason: verdict.reason }));
    }
  } catch (error) {
    report(`the recorder does not answer: ${String(error)}`);
    return refuse(publicError('storage_unavailable'));
  }
}

/** What the client is owed before anything else (null: it does not come back), or why it may not come in. */
export function admit(
  session: Session,
  plan: ConnectPlan,
  /** The plan of whoever opened the session. */
  first: Pick<ConnectPlan, 'provider' | 'model' | 'ownMaxClients'>,
  isTranslated: boolean,
  logged: FromLog | null,
): Owed | Response | null {
  if (session.ending !== null) return refuse(publicError('session_ended', { reason: session.ending.reason }));
  // What is still to come of it is only counted, and passed on: nobody may speak any more.
  if (session.phase === 'closing') return refuse(publicError('session_ended', { reason: 'closing' }));
  if (dialOf(plan, first.provider) === null)
    return refuse(publicError('session_other_provider', { provider: first.provider }));
  if (plan.mayJoin !== null && (first.model === null || !plan.mayJoin.includes(first.model)))
    return refuse(publicError('forbidden', { why: `it is for the models ${plan.mayJoin.join(', ')}` }));
  const limit = Math.min(plan.maxClients, first.ownMaxClients ?? plan.maxClients);
  if (session.clients >= limit && !session.has(plan.client))
    return refuse(publicError('too_many_clients', { limit: String(limit) }));
  return plan.after === null ? null : owed(session, plan.after, plan, { isTranslated, logged });
}

/** Whoever can be told of a gap comes in with one; for others it would be a silent hole. */
function owed(
  session: Session,
  after: number,
  { epoch, control }: Pick<ConnectPlan, 'epoch' | 'control'>,
  life: { readonly isTranslated: boolean; readonly logged: FromLog | null },
): Owed | Response {
  if (life.isTranslated) return refuse(publicError('resume_translated'));
  const missed = session.lives.missed(after, epoch);
  switch (missed.kind) {
    case 'frames':
      return { frames: missed.frames, lost: null };
    case 'ahead':
      return refuse(publicError('resume_ahead', { after: String(after), received: String(missed.received) }));
    case 'passed': {
      const { logged } = life;
      // Memory must go on where the log ends, also after the moment that it took to read it.
      if (logged !== null && logged.after === missed.after && logged.to >= missed.firstKept - 1)
        return {
          frames: [...logged.frames.slice(0, missed.firstKept - 1 - missed.after), ...missed.kept],
          lost: null,
        };
      if (control) return { frames: missed.kept, lost: { from: missed.after + 1, to: missed.firstKept - 1 } };
      return refuse(
        publicError('resume_passed', { next: String(after + 1), first: String(missed.firstKept) }),
      );
    }
  }
}

/** Frames `after` + 1 to `to` of the upstream, out of the log. */
export interface FromLog {
  readonly after: number;
  readonly to: number;
  readonly frames: readonly DownFrame[];
}

/** What a client that comes back has missed and memory does not hold, if the log has it. */
export async function fromLog(
  session: Session,
  link: RecorderLink,
  { after, epoch, session: address }: Pick<ConnectPlan, 'after' | 'epoch' | 'session'>,
  env: Env,
): Promise<FromLog | null> {
  if (after === null) return null;
  const missed = session.lives.missed(after, epoch);
  if (missed.kind !== 'passed') return null;
  // Both of one moment: frames go on coming while the log is written and read.
  const { received } = session.books;
  const { seq } = session.recording;
  if (!(await link.settle(LIMITS.recorderRetryMs))) return null;
  const recorder = env.RECORDER.getByName(sessionObjectName(address));
  // Of a log that cannot be read nothing is given: the client hears what it misses.
  const frames = await recorder.upstreamFrames({ from: missed.after + 1, seq, received }).catch(() => null);
  return frames === null ? null : { after: missed.after, to: received, frames };
}

/**
 * The role that a client wants; null: whatever falls to it. One that comes back without a name may be the controller whose old
 * socket is not known to be dead: as a speaker it could not go on. Its credential still decides what it gets.
 */
export function roleWanted({
  role,
  client,
  after,
}: Pick<ConnectPlan, 'role' | 'client' | 'after'>): Role | null {
  const comesBack = after !== null && after > 0;
  return role ?? (client === null && comesBack ? 'controller' : null);
}
