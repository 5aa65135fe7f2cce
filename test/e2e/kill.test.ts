import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connected } from '../support/client.ts';
import { type EchoUpstream, wsUpstream } from '../support/echo-upstream.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, sessionOf } from '../support/rest.ts';

const ROUNDS = 20;
/** The log is flushed every second at the latest; what is on its way to the disk then takes a moment. */
const FLUSH_MS = 1_000;
const DISK_MS = 250;

const dataDir = mkdtempSync(`${tmpdir()}/parley-kill-`);
let upstream: EchoUpstream;

beforeAll(async () => {
  upstream = await wsUpstream((socket) => {
    let n = 0;
    // Frames a millisecond or two apart, as a streaming answer has them.
    const timer = setInterval(
      () => socket.send(JSON.stringify({ n: (n += 1), sent: Date.now(), pad: 'x'.repeat(900) })),
      5,
    );
    socket.on('close', () => clearInterval(timer));
  });
});
afterAll(() => {
  upstream.close();
  rmSync(dataDir, { recursive: true, force: true });
});

interface Sent {
  readonly n: number;
  readonly sent: number;
}

describe('R-07 kill -9 while streaming', () => {
  const tails: number[] = [];
  let parley: ParleyProcess;
  const start = async (): Promise<void> => {
    parley = await startParley({
      env: { OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: 'sk-stored' },
      dataDir,
    });
  };
  beforeAll(start);
  afterAll(async () => {
    await parley.stop();
    console.log(`missing tails in ms: ${tails.join(', ')}`);
  });

  // At another moment of the flush's second each time.
  it.each(Array.from({ length: ROUNDS }, (_, round) => 100 + ((round * 37) % 200)))(
    'R-07 after %i frames: at most the last second is missing, contiguous, and marked',
    async (enough) => {
      let first: Sent | null = null;
      let last: Sent = { n: 0, sent: 0 };
      let latestMs = 0;
      const reached = Promise.withResolvers<void>();
      const client = await connected(parley, {
        ready: (socket) =>
          socket.on('message', (data: Buffer) => {
            last = JSON.parse(data.toString()) as Sent; // what the upstream above sends
            first ??= last;
            latestMs = Math.max(latestMs, Date.now() - last.sent);
            if (last.n >= enough) reached.resolve();
          }),
      });
      await reached.promise;
      await parley.kill();
      expect((await client.closed).code).toBe(1006);
      await start();
      const session = await sessionOf(parley, 'acct/gw', client.id);
      expect(session).toMatchObject({
        status: 'ended',
        ended_reason: 'interrupted',
        usage: { complete: false },
      });
      const events = await eventsOf(parley, 'acct/gw', client.id);
      expect(events.at(-1)).toMatchObject({ kind: 'gap', reason: 'interrupted' });
      const stored = events.slice(0, -1).map(({ text }) => JSON.parse(text ?? '') as Sent);
      expect(stored.map(({ n }) => n)).toEqual(stored.map((_, index) => index + 1));
      // Killed before the first flush, everything is tail.
      const tail = last.sent - (stored.at(-1) ?? first ?? last).sent;
      tails.push(tail);
      // Where the machine is late with frames, it is with the flush.
      expect(tail - latestMs).toBeLessThanOrEqual(FLUSH_MS + DISK_MS);
    },
  );
});
