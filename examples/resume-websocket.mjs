// Comes back to its session by hand, with a plain WebSocket: count the provider's frames, and say the count.
// PARLEY_TOKEN=… node examples/resume-websocket.mjs [ws://127.0.0.1:8787]
const base = process.argv[2] ?? 'ws://127.0.0.1:8787';
const token = process.env.PARLEY_TOKEN;
const session = `example-${Date.now()}`;
let received = 0;
let epoch = null;

function connect() {
  const url = new URL(
    `${base}/v1/acct/gw/simulator?model=sim-support&parley-session=${session}&parley-client=me`,
  );
  if (epoch !== null) url.search += `&parley-after=${received}&parley-epoch=${epoch}`;
  const socket = new WebSocket(url, ['realtime', 'parley.v1', `cf-aig-authorization.${token}`]);
  socket.addEventListener('message', ({ data }) => {
    const event = JSON.parse(data);
    if (event.type === 'parley.session.joined') ({ received, epoch } = event);
    // In a session of several clients: frames that were another's alone count as well.
    if (event.type === 'parley.session.counted') received += event.frames;
    if (event.type.startsWith('parley.')) return;
    received += 1;
    console.log(received, event.type);
    if (event.type === 'session.created') socket.send(JSON.stringify({ type: 'response.create' }));
    if (event.type === 'response.done') socket.close(1000);
  });
  socket.addEventListener('close', ({ code }) => {
    if ([1001, 1006, 1011, 1012, 1013].includes(code)) setTimeout(connect, 500);
  });
}
connect();
