/** Sockets that outlived their object, and the session that they belong to. */
import { sessionObjectName } from '../protocol/connect.ts';
import { publicError } from '../protocol/errors.ts';
import type { Kept } from '../protocol/recording.ts';
import { refuse } from '../protocol/refusal.ts';
import { providerFor } from '../providers/registry.ts';
import { closeFor } from '../session/causes.ts';
import type { Snapshot } from '../session/snapshot.ts';
import { type Attachment, type Key, readAttachment } from './attachment.ts';
import { answerClose } from './client-sockets.ts';
import type { Env } from './environment.ts';
import { keptPlan, keptProvider, keptSnapshot } from './kept-session.ts';
import { logLine } from './log-line.ts';
import type { Life } from './life.ts';
import type { RecorderObject } from './recorder-object.ts';

type NewLife = (plan: Life['plan'], from: Snapshot) => Life;

/** A life that goes on from what is kept; a refusal when this version of the code cannot, or nobody has a key for it. */
export function goOn(
  kept: Kept,
  keyFor: (provider: string) => Key | null,
  env: Env,
  newLife: NewLife,
): Life | Response {
  const provider = keptProvider(kept);
  const key = keyFor(provider);
  if (key === null) return refuse(publicError('session_other_provider', { provider }));
  const plan = keptPlan(kept, key);
  const adapter = providerFor(plan.provider, env);
  const snapshot = adapter === undefined ? null : keptSnapshot(kept, adapter);
  if (snapshot !== null) return newLife(plan, snapshot);
  const giveUp = env.RECORDER.getByName(sessionObjectName(plan.session)).giveUp();
  // Its own alarm finds the session gone, too.
  giveUp.catch((error: unknown) =>
    logLine('warn', 'give_up', { session: plan.session.id, detail: String(error) }),
  );
  return refuse(publicError('session_ended', { reason: 'interrupted' }));
}

export interface Recalled {
  readonly life: Life;
  readonly kept: Kept;
  readonly clients: readonly { readonly socket: WebSocket; readonly about: Attachment }[];
}

/** The session of these sockets. Null: it cannot go on, and they hear so. */
export async function recall(
  sockets: readonly WebSocket[],
  recorder: DurableObjectStub<RecorderObject>,
  env: Env,
  newLife: NewLife,
): Promise<Recalled | null> {
  const kept = await recorder.recall().catch((error: unknown) => {
    // Its clients are told to connect again, and ask it anew.
    logLine('warn', 'recall', { detail: String(error) });
    return null;
  });
  const clients = sockets.flatMap((socket) => {
    const about = readAttachment(socket);
    return about === null ? [] : [{ socket, about }];
  });
  const key = clients.findLast(({ about }) => about.key !== null)?.about.key ?? null;
  const life = kept === null || key === null ? null : goOn(kept, () => key, env, newLife);
  if (kept !== null && life !== null && !(life instanceof Response)) return { life, kept, clients };
  const { code, reason } = closeFor('interrupted');
  for (const socket of sockets) answerClose(socket, code, reason);
  return null;
}
