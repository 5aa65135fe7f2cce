/** A simulated fal: HTTP over WebSocket, and the realtime wire where the path ends in `/realtime`. */
import { HttpService, RealtimeService } from './fal-services.ts';
import { readDials, refusedConnect } from './faults.ts';
import { hashText } from './seeded.ts';
import { ServiceSession } from './service-session.ts';
import type { Handshake, Simulator } from './simulator.ts';

/** fal does not say how long an idle socket lives. */
const IDLE_MS = 60_000;
const REALTIME = '/realtime';

export const falSimulator: Simulator = (request, now) => {
  const { pathname, searchParams: query } = new URL(request.url);
  const reading = readDials(query);
  if (!reading.ok) return refuse(400, reading.message);
  const { dials } = reading;
  if (dials.faults.connect_hang) return { kind: 'hang' };
  const refused = refusedConnect(dials.faults);
  if (refused !== null) return refuse(refused.status, 'This was asked for.', refused.headers);
  // A key that contains `bad` is refused; the gateway may send none at all to a simulator.
  if (`${request.headers['authorization'] ?? ''}${query.get('fal_jwt_token') ?? ''}`.includes('bad'))
    return refuse(401, 'No user found for Key ID and Secret');
  const buffering = query.get('max_buffering');
  if (buffering !== null && !(Number(buffering) >= 1 && Number(buffering) <= 60))
    return refuse(400, 'max_buffering must be from 1 to 60');
  const seed = dials.seed ?? hashText(`${request.url} ${now}`).toString(36);
  const model = pathname.slice(1);
  return {
    kind: 'accept',
    subprotocol: null,
    session: new ServiceSession(IDLE_MS, dials.faults, (workplace) => {
      const setup = { workplace, dials, seed, model };
      return model.endsWith(REALTIME) ? new RealtimeService(setup) : new HttpService(setup);
    }),
  };
};

function refuse(
  status: number,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Extract<Handshake, { kind: 'refuse' }> {
  return {
    kind: 'refuse',
    status,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ detail }),
  };
}
