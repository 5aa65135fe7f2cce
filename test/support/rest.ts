/** Reads Parley's REST API as a user would. */
import type { SessionShape, SessionSummaryShape } from '../../protocol/rest.ts';
import { eventually } from './eventually.ts';
import type { ParleyProcess } from './parley-process.ts';

type Reader = Pick<ParleyProcess, 'http' | 'token'>;

export async function get<T>({ http, token }: Reader, path: string): Promise<T> {
  const answer = await fetch(http + path, { headers: { authorization: `Bearer ${token}` } });
  const body = (await answer.json()) as { readonly success: boolean; readonly result: T }; // the envelope of docs/openapi.json
  if (!body.success) throw new Error(`${path}: ${answer.status} ${JSON.stringify(body)}`);
  return body.result;
}

export function sessionsOf(parley: Reader, gateway: string): Promise<SessionSummaryShape[]> {
  return get(parley, `/v1/${gateway}/sessions`);
}

export function sessionOf(parley: Reader, gateway: string, id: string): Promise<SessionShape> {
  return get(parley, `/v1/${gateway}/sessions/${id}`);
}

/** The one session of a gateway, once it has ended. */
export function untilEnded(parley: Reader, gateway: string, id?: string): Promise<SessionShape> {
  return eventually(`a session of ${gateway} ends`, async () => {
    const wanted = id ?? (await sessionsOf(parley, gateway))[0]?.id;
    const session = wanted === undefined ? undefined : await sessionOf(parley, gateway, wanted);
    return session?.status === 'ended' ? session : null;
  });
}

export interface LoggedFrame {
  readonly kind: 'frame' | 'gap' | 'corrupt';
  readonly seq: number;
  readonly at: string;
  readonly direction: 'up' | 'down';
  /** Who sent it, or to whom alone it went. */
  readonly client: string | null;
  readonly opcode: 'text' | 'binary';
  readonly text?: string;
  readonly base64?: string;
  readonly redacted?: true;
  readonly reason?: string;
}

/** The whole frame log, by NDJSON. */
export async function eventsOf({ http, token }: Reader, gateway: string, id: string): Promise<LoggedFrame[]> {
  const answer = await fetch(`${http}/v1/${gateway}/sessions/${id}/events`, {
    headers: { authorization: `Bearer ${token}`, accept: 'application/x-ndjson' },
  });
  const text = await answer.text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LoggedFrame); // one event of docs/openapi.json a line
}

/** Resolves when the session's log holds a text frame that is exactly this. */
export async function untilLogged(parley: Reader, gateway: string, id: string, frame: string): Promise<void> {
  await eventually(
    `${frame} is logged`,
    async () => (await eventsOf(parley, gateway, id)).find(({ text }) => text === frame) ?? null,
  );
}
