// A turn over a socket that comes back by itself, by the built class: `npm run build` makes it, and it needs nothing else.
// PARLEY_TOKEN=… node examples/parley-websocket.mjs [ws://127.0.0.1:8787]
import { ParleyWebSocket } from '../dist/client/parley-websocket.js';

const base = process.argv[2] ?? 'ws://127.0.0.1:8787';
const socket = new ParleyWebSocket(`${base}/v1/acct/gw/simulator?model=sim-support`, [
  'realtime',
  `cf-aig-authorization.${process.env.PARLEY_TOKEN}`,
]);
let received = 0;
socket.addEventListener('message', ({ data }) => {
  const { type } = JSON.parse(data);
  received += 1;
  console.log(received, type);
  if (type === 'session.created') socket.send(JSON.stringify({ type: 'response.create' }));
  if (type === 'response.done') socket.close(1000);
});
socket.addEventListener('close', ({ code }) => {
  process.exitCode = code === 1000 ? 0 : 1;
});
