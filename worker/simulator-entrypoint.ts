/** The built-in simulator as a Worker of its own: sessions dial it as they dial any provider. */
import { WorkerEntrypoint } from 'cloudflare:workers';
import type { Env } from '../durable-objects/environment.ts';
import { SIMULATED_HEADER } from '../protocol/connect.ts';
import { simulatorOf } from '../simulators/registry.ts';
import type { SimulatedSession, SimulatorOutput } from '../simulators/simulator.ts';

export class SimulatorEntrypoint extends WorkerEntrypoint<Env> {
  override async fetch(request: Request): Promise<Response> {
    const provider = request.headers.get(SIMULATED_HEADER) ?? '';
    const simulator = simulatorOf(provider);
    if (simulator === undefined)
      return new Response(`There is no simulator of ${provider}.`, { status: 501 });
    const handshake = simulator(
      { url: request.url, headers: Object.fromEntries(request.headers) },
      Date.now(),
    );
    switch (handshake.kind) {
      case 'refuse':
        return new Response(handshake.body, { status: handshake.status, headers: handshake.headers });
      case 'hang':
        await new Promise<never>(() => undefined);
        break;
      case 'accept':
        break;
    }
    if (handshake.kind !== 'accept') return new Response(null, { status: 500 });
    const pair = new WebSocketPair();
    pair[1].binaryType = 'arraybuffer';
    pair[1].accept();
    run(handshake.session, pair[1]);
    const headers = new Headers();
    if (handshake.subprotocol !== null) headers.set('sec-websocket-protocol', handshake.subprotocol);
    return new Response(null, { status: 101, webSocket: pair[0], headers });
  }
}

/** Runs one simulated session over a socket, on one timer. */
function run(session: SimulatedSession, socket: WebSocket): void {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let over = false;
  const stop = (): void => {
    over = true;
    if (timer !== null) clearTimeout(timer);
  };
  const act = (outputs: readonly SimulatorOutput[]): void => {
    for (const output of outputs) {
      if (over) return;
      switch (output.kind) {
        case 'send':
          socket.send(output.payload);
          break;
        case 'close':
          stop();
          socket.close(output.code, output.reason);
          break;
        case 'drop':
          // A pair has no connection to cut; 1011 is the abnormal end that it can show.
          stop();
          socket.close(1011, 'connection dropped');
          break;
      }
    }
    if (timer !== null) clearTimeout(timer);
    const due = session.due();
    timer =
      over || due === null
        ? null
        : setTimeout(() => act(session.advance(Date.now())), Math.max(0, due - Date.now()));
  };
  socket.addEventListener('message', (event) => {
    // Pinned to arraybuffer above, so a frame is a string or an ArrayBuffer and never a Blob.
    if (!over) act(session.receive(event.data as string | ArrayBuffer, Date.now()));
  });
  let isGone = false;
  const gone = (): void => {
    stop();
    if (isGone) return;
    isGone = true;
    session.closed(Date.now());
  };
  socket.addEventListener('close', gone);
  socket.addEventListener('error', gone);
  act(session.open(Date.now()));
}
