/** Whether a client may come in: before the dial, and when there is a session to come into. */
import { type ConnectPlan, type Payload, sessionObjectName } from '../protocol/connect.ts';
import { publicError } from '../protocol/errors.ts';
import { refuse } from '../protocol/refusal.ts';
import type { Session } from '../session/session.ts';
import type { Env } from './environment.ts';
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
  return view === null || view.ending === null
    ? refuse(publicError('resume_ahead', { after: String(after), received: '0' }))
    : refuse(publicError('session_ended', { reason: view.ending.reason }));
}

/** An id that a client chose may have been used before. */
export async function nameRefused(
  link: RecorderLink,
  report: (problem: string) => void,
): Promise<Response | null> {
  try {
    const verdict = await link.begin();
    return verdict.kind === 'opened'
      ? null
      : refuse(publicError('session_ended', { reason: verdict.reason }));
  } catch (error) {
    report(`the recorder does not answer: ${String(error)}`);
    return refuse(publicError('storage_unavailable'));
  }
}

/** The frames that the client is owed before any other, or why it may not come in. */
export function admit(
  session: Session,
  plan: ConnectPlan,
  life: { readonly provider: string; readonly model: string | null; readonly isTranslated: boolean },
): readonly Payload[] | Response {
  if (session.ending !== null) return refuse(publicError('session_ended', { reason: session.ending.reason }));
  // Its last client has left, and what is still to come of it is only counted: nobody may speak any more.
  if (session.phase === 'closing') return refuse(publicError('session_ended', { reason: 'client_closed' }));
  if (plan.provider !== life.provider)
    return refuse(publicError('session_other_provider', { provider: life.provider }));
  if (plan.mayJoin !== null && (life.model === null || !plan.mayJoin.includes(life.model)))
    return refuse(publicError('forbidden', { why: `it is for the models ${plan.mayJoin.join(', ')}` }));
  if (session.clients >= plan.maxClients)
    return refuse(publicError('too_many_clients', { limit: String(plan.maxClients) }));
  return plan.after === null ? [] : owed(session, plan.after, life.isTranslated);
}

function owed(session: Session, after: number, isTranslated: boolean): readonly Payload[] | Response {
  if (isTranslated) return refuse(publicError('resume_translated'));
  const missed = session.missed(after);
  switch (missed.kind) {
    case 'frames':
      return missed.payloads;
    case 'ahead':
      return refuse(publicError('resume_ahead', { after: String(after), received: String(missed.received) }));
    case 'passed':
      return refuse(
        publicError('resume_passed', { next: String(after + 1), first: String(missed.firstKept) }),
      );
  }
}
