/** A recorder that waits, fails, or has a full disk costs log rows, which are counted; it never costs a frame. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import type { SessionShape } from '../../protocol/rest.ts';
import { type Client, connected, refused } from '../support/client.ts';
import { type EchoUpstream, wsUpstream } from '../support/echo-upstream.ts';
import { eventually } from '../support/eventually.ts';
import { type HeldRecorder, startHeldRecorder } from '../support/held-recorder.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, sessionOf, untilEnded } from '../support/rest.ts';

type Broker = Pick<ParleyProcess, 'http' | 'ws' | 'token'>;

const FRAME_BYTES = 32 * 1024;
/** Over twice what the session holds in memory while its recorder is behind (16 MiB). */
const TOO_MANY = 1_200;
const FEW = 100;

let upstream: EchoUpstream;
let provider: WebSocket;
const dirs: string[] = [];
const mounts: string[] = [];

beforeAll(async () => {
  upstream = await wsUpstream((socket) => (provider = socket));
});
afterAll(() => {
  upstream.close();
  for (const mount of mounts) execFileSync('umount', [mount]);
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

const env = () => ({ OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: 'sk-stored' });
const newDir = (): string => {
  const dir = mkdtempSync(`${tmpdir()}/parley-faults-`);
  dirs.push(dir);
  return dir;
};

/** Frame `n`, each one different, and none that compresses. */
function frame(n: number): string {
  const seed = createHash('sha256').update(String(n)).digest('base64');
  return `${n}:${seed.repeat(Math.ceil(FRAME_BYTES / seed.length))}`.slice(0, FRAME_BYTES);
}

/** One client of one session, which counts what comes, and checks each frame. */
class Listener {
  readonly client: Client;
  received = 0;
  #wanted = Number.POSITIVE_INFINITY;
  #reached: () => void = () => undefined;
  #wrong: string | null = null;

  private constructor(client: Client) {
    this.client = client;
  }

  static async open(broker: Broker, query = 'model=gpt-realtime'): Promise<Listener> {
    let listener: Listener | null = null;
    const client = await connected(broker, {
      query,
      ready: (socket) => socket.on('message', (data: Buffer) => listener?.take(data.toString())),
    });
    listener = new Listener(client);
    return listener;
  }

  take(text: string): void {
    this.received += 1;
    if (text !== frame(this.received)) this.#wrong ??= `frame ${this.received} is ${text.slice(0, 20)}…`;
    if (this.received === this.#wanted) this.#reached();
  }

  /** The provider sends frames up to number `last`; resolves when all have come. */
  async hear(last: number): Promise<void> {
    this.#wanted = last;
    const all = new Promise<void>((resolve) => (this.#reached = resolve));
    for (let n = this.received + 1; n <= last; n += 1) provider.send(frame(n));
    await all;
    expect(this.#wrong).toBeNull();
  }

  async close(broker: Broker): Promise<SessionShape> {
    this.client.socket.close();
    return untilEnded(broker, 'acct/gw', this.client.id);
  }
}

/** Every frame is in the log as it was, or in a gap that counts it; the session's sums say the same. */
async function checkLog(broker: Broker, session: SessionShape, sent: number): Promise<number> {
  const events = await eventsOf(broker, 'acct/gw', session.id);
  const frames = events.filter(({ kind }) => kind === 'frame');
  for (const { seq, text } of frames) expect(text).toBe(frame(seq));
  const lost = session.gaps.reduce((sum, gap) => sum + (gap.frames ?? 0), 0);
  expect(events.filter(({ kind }) => kind === 'gap').length).toBe(session.gaps.length);
  expect(frames.length + lost).toBe(sent);
  expect(session.frames).toMatchObject({ down: sent, not_logged: lost });
  return lost;
}

describe('F-25 a recorder that waits or fails', () => {
  let broker: HeldRecorder;
  beforeAll(async () => {
    broker = await startHeldRecorder(env(), newDir());
  });
  afterEach(() => broker.set('works'));
  afterAll(() => broker.stop());

  it.each(['waits', 'fails'] as const)(
    'P4 R-06 that %s: every frame arrives, what memory cannot hold is counted, and the log goes on',
    async (mood) => {
      const listener = await Listener.open(broker);
      await listener.hear(10);
      broker.set(mood);
      // No write comes to an end before all of these have arrived.
      await listener.hear(TOO_MANY);
      broker.set('works');
      // The log takes frames again once what is held has been stored.
      await settled(broker, listener);
      await listener.hear(TOO_MANY + 10);
      const session = await listener.close(broker);
      const lost = await checkLog(broker, session, TOO_MANY + 10);
      expect(lost).toBeGreaterThan(0);
      expect(session.gaps).toMatchObject([{ reason: 'recorder_behind', frames: lost }]);
      const events = await eventsOf(broker, 'acct/gw', session.id);
      expect(events.at(-1)?.seq).toBe(TOO_MANY + 10);
    },
  );

  it('P3 P4 R-06 that waits no longer than memory lasts: nothing is lost', async () => {
    const listener = await Listener.open(broker);
    broker.set('waits');
    await listener.hear(FEW);
    broker.set('works');
    const session = await listener.close(broker);
    expect(await checkLog(broker, session, FEW)).toBe(0);
  });

  it('P4 that fails from the first moment: a named session is refused with 503, a plain one is relayed', async () => {
    broker.set('fails');
    const answer = await refused(broker, {
      query: 'model=gpt-realtime&parley-session=named-1',
    });
    expect(answer.status).toBe(503);
    expect(answer.body).toContain('storage_unavailable');
    const listener = await Listener.open(broker);
    await listener.hear(FEW);
    broker.set('works');
    const session = await listener.close(broker);
    expect(await checkLog(broker, session, FEW)).toBe(0);
  });
});

/** Resolves when a read finds the session stored up to now. */
async function settled(broker: Broker, listener: Listener): Promise<void> {
  await eventually('the log catches up', async () => {
    const { frames } = await sessionOf(broker, 'acct/gw', listener.client.id);
    return frames.down === listener.received || null;
  });
}

/** A disk of its own; null where this user may not mount one. */
function smallDisk(mib: number): string | null {
  const dir = newDir();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', dir], { stdio: 'ignore' });
    mounts.push(dir);
    return dir;
  } catch {
    // Not root, or not on Linux.
    return null;
  }
}

const DISK_MIB = 64;
const disk = smallDisk(DISK_MIB);

describe.skipIf(disk === null)('F-24 a full disk', () => {
  const dir = disk ?? '';
  const ballast = `${dir}/ballast`;
  let broker: ParleyProcess;
  beforeAll(async () => {
    broker = await startParley({ env: env(), dataDir: dir });
  });
  afterAll(() => broker.stop());

  const fill = (): void => {
    const { bavail, bsize } = statfsSync(dir);
    writeFileSync(ballast, Buffer.alloc(bavail * bsize));
    expect(statfsSync(dir).bavail).toBe(0);
  };
  const free = (): void => rmSync(ballast, { force: true });
  afterEach(free);

  it('P4 R-06 every frame arrives, what memory cannot hold is counted, and the log goes on when there is space', async () => {
    const listener = await Listener.open(broker);
    await listener.hear(10);
    await settled(broker, listener);
    fill();
    await listener.hear(TOO_MANY);
    free();
    await settled(broker, listener);
    await listener.hear(TOO_MANY + 10);
    const session = await listener.close(broker);
    const lost = await checkLog(broker, session, TOO_MANY + 10);
    expect(lost).toBeGreaterThan(0);
    const events = await eventsOf(broker, 'acct/gw', session.id);
    expect(events.at(-1)?.seq).toBe(TOO_MANY + 10);
  });

  it('P4 new sessions are refused with 503, live ones take further clients; with space all is well again', async () => {
    const live = await Listener.open(broker, 'model=gpt-realtime&parley-session=live-on-a-full-disk');
    await live.hear(FEW);
    await settled(broker, live);
    fill();
    // workerd makes a file for each new object, so not even a plain session can begin.
    for (const query of ['model=gpt-realtime', 'model=gpt-realtime&parley-session=on-a-full-disk']) {
      const answer = await refused(broker, { query });
      expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
        503,
        { errors: [{ name: 'storage_unavailable' }] },
      ]);
    }
    const second = await connected(broker, {
      query: 'model=gpt-realtime&parley-session=live-on-a-full-disk',
    });
    await live.hear(FEW + 1);
    second.socket.close();
    free();
    for (const query of ['model=gpt-realtime', 'model=gpt-realtime&parley-session=on-a-full-disk']) {
      const listener = await Listener.open(broker, query);
      await listener.hear(1);
      expect((await sessionOf(broker, 'acct/gw', listener.client.id)).status).toBe('live');
    }
  });
});
