// The same with partysocket, which reconnects by itself: only the URL must say where to go on.
// npm install partysocket; PARLEY_TOKEN=… node examples/resume-partysocket.mjs [ws://127.0.0.1:8787]
import ReconnectingWebSocket from 'partysocket/ws';

const base = process.argv[2] ?? 'ws://127.0.0.1:8787';
const token = process.env.PARLEY_TOKEN;
const session = `example-${Date.now()}`;
let received = 0;
let epoch = null;

const url = () => {
  const first = `${base}/v1/acct/gw/simulator?model=sim-support&parley-session=${session}&parley-client=me`;
  return epoch === null ? first : `${first}&parley-after=${received}&parley-epoch=${epoch}`;
};
const protocols = ['realtime', 'parley.v1', `cf-aig-authorization.${token}`];
const socket = new ReconnectingWebSocket(url, protocols, { WebSocket: globalThis.WebSocket });
socket.addEventListener('message', ({ data }) => {
  const event = JSON.parse(data);
  if (event.type === 'parley.session.joined') ({ received, epoch } = event);
  if (event.type.startsWith('parley.')) return;
  received += 1;
  console.log(received, event.type);
  if (event.type === 'session.created') socket.send(JSON.stringify({ type: 'response.create' }));
  if (event.type === 'response.done') socket.close(1000);
});
