/** One dial of a provider: its time limit, and what comes after it. */
import { describe, expect, it } from 'vitest';
import { dial, type DialTerms } from '../../durable-objects/upstream-socket.ts';

const TARGET = { url: 'https://provider.example/realtime', headers: {}, subprotocols: [] };
const TERMS: DialTerms = { timeoutMs: 1, maxBodyBytes: 100, refusalHeaders: [], cancels: false };

describe('P5 a dial that takes too long', () => {
  it('P5 is over at its limit, and a socket that comes after that is closed', async () => {
    const { promise: answer, resolve } = Promise.withResolvers<Response>();
    expect(await dial(TARGET, () => answer, TERMS)).toEqual({ kind: 'timeout' });
    const pair = new WebSocketPair();
    pair[1].accept();
    const closed = new Promise<CloseEvent>((told) => pair[1].addEventListener('close', told));
    resolve(new Response(null, { status: 101, webSocket: pair[0] }));
    expect((await closed).code).toBe(1000);
  });

  it('P5 may fail after that, and nobody hears of it', async () => {
    const { promise: answer, reject } = Promise.withResolvers<Response>();
    expect(await dial(TARGET, () => answer, TERMS)).toEqual({ kind: 'timeout' });
    reject(new Error('connection refused'));
    await expect(answer).rejects.toThrow('connection refused');
  });

  it('P5 is given up by the platform where that is asked for, and goes without a signal otherwise', async () => {
    const signals: boolean[] = [];
    const hang = ({ signal }: Request): Promise<Response> =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          signals.push(signal.aborted);
          reject(new Error('aborted'));
        });
      });
    expect(await dial(TARGET, hang, { ...TERMS, cancels: true })).toEqual({ kind: 'timeout' });
    expect(await dial(TARGET, hang, TERMS)).toEqual({ kind: 'timeout' });
    expect(signals).toEqual([true]);
  });

  it('P5 a refusal whose body does not end is a timeout too', async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) =>
        new Promise(() => {
          controller.enqueue(new Uint8Array(1));
        }),
    });
    expect(await dial(TARGET, () => Promise.resolve(new Response(body, { status: 401 })), TERMS)).toEqual({
      kind: 'timeout',
    });
  });
});
