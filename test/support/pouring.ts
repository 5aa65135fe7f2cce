/** Many frames through a socket, and a witness of what came out at the other end. */
import type { WebSocket } from 'ws';
import { frames, Witness } from './frame-source.ts';

/** Sends all frames, never more than 8 MiB ahead of the socket. */
export async function pour(socket: WebSocket, source: Iterable<string | Buffer>): Promise<void> {
  for (const payload of source) {
    socket.send(payload, { binary: typeof payload !== 'string' });
    while (socket.bufferedAmount > 8 << 20) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Resolves when `count` frames are there; rejects when the socket closes before. */
export function seen(socket: WebSocket, count: number): Promise<Witness> {
  const witness = new Witness();
  return new Promise((resolve, reject) => {
    socket.on('close', (code, reason) =>
      reject(new Error(`closed with ${code} ${reason.toString()} after ${witness.count} of ${count} frames`)),
    );
    socket.on('message', (data, binary) => {
      // With the default binaryType every message is one Buffer.
      witness.see(data as Buffer, binary);
      if (witness.count === count) resolve(witness);
    });
  });
}

export function expected(seed: number, count: number): string {
  const witness = new Witness();
  for (const payload of frames(seed, count)) witness.see(payload, typeof payload !== 'string');
  return witness.digest();
}
