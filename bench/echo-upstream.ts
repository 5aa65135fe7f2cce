/** The one upstream of every peer: sends each frame back as it came. Its own process; prints its port when ready. */
import { type AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  perMessageDeflate: false,
  // The load generator compares every echo byte for byte; checking here as well would only cost time.
  skipUTF8Validation: true,
  maxPayload: 64 << 20,
});

server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  // A peer that is killed at the end of a run resets its connections.
  socket.on('error', () => socket.terminate());
});

server.on('listening', () => {
  const { port } = server.address() as AddressInfo; // a TCP server has no other kind of address
  console.log(`listening ${port}`);
});
