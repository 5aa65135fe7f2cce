/**
 * What sessions cost that rest with their clients attached: memory and processor time of what `npm start` runs.
 * `node bench/resting.ts [sessions]`, 1,000 without; build first.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { startParley } from '../test/support/parley-process.ts';

const IDLE_SECONDS = 2;
/** Until the last has gone to rest, and the runtime has let go of its object: 10 s after its last event (docs of Durable Objects). */
const SETTLE_MS = 25_000;
const WATCH_MS = 20_000;
const OPEN_AT_ONCE = 25;
/** Of /proc/<pid>/stat: user and system time, in ticks of a hundredth of a second. */
const TICKS_PER_SECOND = 100;

const count = Number(process.argv[2] ?? 1000);
const parley = await startParley();

function memoryMiB(): number {
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${parley.workerdPid}/status`, 'utf8'))?.[1];
  return Number(rss) / 1024;
}

function cpuSeconds(): number {
  const fields = readFileSync(`/proc/${parley.workerdPid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** A session that has had its turn; resolves with its socket. */
function opened(name: string): Promise<WebSocket> {
  const query = `model=sim-support&speed=50&latency_ms=0&parley-session=${name}&parley-idle=${IDLE_SECONDS}`;
  const socket = new WebSocket(`${parley.ws}/v1/bench/resting/simulator?${query}`, {
    headers: { 'cf-aig-authorization': `Bearer ${parley.token}` },
  });
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', (data: Buffer) => {
      const { type } = JSON.parse(data.toString()) as { type: string };
      if (type === 'session.created') turn(socket);
      if (type === 'response.done') resolve(socket);
    });
  });
}

function turn(socket: WebSocket): void {
  const content = [{ type: 'input_text', text: 'hello' }];
  socket.send(
    JSON.stringify({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } }),
  );
  socket.send(JSON.stringify({ type: 'response.create', response: { output_modalities: ['text'] } }));
}

async function openAll(prefix: string): Promise<WebSocket[]> {
  const sockets: WebSocket[] = [];
  while (sockets.length < count) {
    const names = Array.from(
      { length: Math.min(OPEN_AT_ONCE, count - sockets.length) },
      (_, n) => `${prefix}${sockets.length + n}`,
    );
    sockets.push(...(await Promise.all(names.map(opened))));
  }
  return sockets;
}

/** The next turn of a session at rest, ms. */
async function woken(socket: WebSocket): Promise<number> {
  const startedAt = performance.now();
  const answered = new Promise((resolve) => {
    socket.on('message', (data: Buffer) => {
      if (data.toString().includes('response.done')) resolve(null);
    });
  });
  turn(socket);
  await answered;
  return performance.now() - startedAt;
}

try {
  let before = memoryMiB();
  console.log(`memory of workerd: ${before.toFixed(0)} MiB with no session`);
  const all: WebSocket[] = [];
  // What the first left behind is used again by the second: the process gives memory back late, if at all.
  for (const prefix of ['a', 'b']) {
    all.push(...(await openAll(prefix)));
    const live = memoryMiB();
    await sleep(SETTLE_MS);
    const rests = memoryMiB();
    const kib = ((rests - before) * 1024) / count;
    console.log(
      `${all.length} sessions: ${live.toFixed(0)} MiB when the last had its turn, ${rests.toFixed(0)} MiB at rest: ${kib.toFixed(0)} KiB for each of these ${count}`,
    );
    before = rests;
  }
  const from = cpuSeconds();
  await sleep(WATCH_MS);
  const share = (cpuSeconds() - from) / (WATCH_MS / 1000);
  console.log(`processor time at rest: ${(share * 100).toFixed(2)} % of a core`);
  const [first] = all;
  if (first !== undefined)
    console.log(`one of them woken: its turn is over after ${(await woken(first)).toFixed(0)} ms`);
  console.log(`sockets still open: ${all.filter(({ readyState }) => readyState === WebSocket.OPEN).length}`);
  for (const socket of all) socket.terminate();
} finally {
  await parley.stop();
}
