/** The first dial of a session: what its plan names, one after the other, and what the client hears of it. */
import { type ConnectPlan, nextPlan } from '../protocol/connect.ts';
import type { Life } from './life.ts';

const PRINTABLE = /^[\x21-\x7e]+$/;

/**
 * Dials what the plan names, one after the other, until one opens: then its life is the session's. The one that is given up
 * has no client yet, so nobody notices.
 */
export async function openFirst(life: Life, begin: (plan: ConnectPlan, before: Life) => Life): Promise<Life> {
  for (let current = life; ;) {
    const next = nextPlan(current.plan);
    current.failure = await current.upstreams.open();
    if (current.failure === null || next === null || current.session.phase !== 'dialling') return current;
    await current.link.stop();
    // It may have been ended while that took.
    if (current.session.phase !== 'dialling') return current;
    current = begin(next, current);
  }
}

/** Of a client's 101: where its count begins, and what serves. `cf-aig-step`: how many were dialled in vain before. */
export function answerHeaders({ plan, session }: Life, received: number): Headers {
  const { provider, model, step = 0 } = plan;
  const headers = new Headers({
    'parley-received': String(received),
    'parley-epoch': String(session.lives.epoch),
    'parley-provider': provider,
    'cf-aig-step': String(step),
  });
  // A header holds less than a URL does.
  if (model !== null) headers.set('parley-model', PRINTABLE.test(model) ? model : encodeURIComponent(model));
  return headers;
}
