import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Continuation } from '../../../client/continuation.ts';

const OPTIONS = { graceMs: 10_000, firstMs: 500, mostMs: 4000 };
const joined = (received: number, epoch = 1) =>
  JSON.stringify({ type: 'parley.session.joined', session: 's', received, epoch });

describe('P5 what a client knows of its session', () => {
  it('P5 asks for no past at first, and for what follows its count when it comes back', () => {
    const client = new Continuation(OPTIONS);
    expect(client.parameters()).toEqual({});
    client.frame(joined(3));
    expect(client.frame('{"type":"x"}').kind).toBe('provider');
    expect(client.frame('{"type":"parley.session.phase"}').kind).toBe('control');
    client.frame(new ArrayBuffer(1));
    expect(client.closed(1006, 0, 0)).toEqual({ again: true, waitMs: 0 });
    expect(client.parameters()).toMatchObject({ 'parley-after': '5', 'parley-epoch': '1' });
  });

  it('P5 takes its count and epoch from the server each time', () => {
    const client = new Continuation(OPTIONS);
    client.frame(joined(0));
    client.frame('a');
    client.closed(1012, 0, 0);
    client.frame(joined(7, 2));
    client.frame('b');
    client.closed(1006, 1, 0);
    expect(client.parameters()).toMatchObject({ 'parley-after': '8', 'parley-epoch': '2' });
  });

  it.each([1000, 1008, 3000, 4000, 4401, 4409, 4413])('P5 does not come back after %i', (code) => {
    const client = new Continuation(OPTIONS);
    client.frame(joined(0));
    expect(client.closed(code, 0, 0)).toEqual({ again: false });
  });

  it('P5 does not come back to where it never was, nor after the grace time; waits grow to the longest', () => {
    expect(new Continuation(OPTIONS).closed(1006, 0, 0)).toEqual({ again: false });
    const client = new Continuation(OPTIONS);
    client.frame(joined(0));
    const waits = Array.from({ length: 6 }, (_, n) => client.closed(1006, n, 0.999));
    expect(waits.map((each) => (each.again ? each.waitMs : null))).toEqual([
      500, 999, 1998, 3996, 3996, 3996,
    ]);
    expect(client.closed(1006, 10_000, 0)).toMatchObject({ again: true });
    expect(client.closed(1006, 10_001, 0)).toEqual({ again: false });
  });

  it('P5 whatever is cut, the server’s count and its own agree', () => {
    const events = fc.array(fc.constantFrom('frame', 'control', 'passed by', 'answer', 'cut'), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(events, (script) => {
        const client = new Continuation(OPTIONS);
        let sent = 0;
        client.frame(joined(0));
        for (const each of script) {
          if (each === 'frame') client.frame(String((sent += 1)));
          else if (each === 'passed by') {
            sent += 2;
            client.frame('{"type":"parley.session.counted","frames":2}');
          } else if (each === 'answer') {
            client.frame('to this client alone');
            client.frame('{"type":"parley.session.counted","frames":-1}');
          } else if (each === 'control') client.frame('{"type":"parley.usage"}');
          else {
            client.closed(1006, 0, 0);
            expect(client.parameters()['parley-after']).toBe(String(sent));
            client.frame(joined(sent));
          }
        }
      }),
    );
  });
});
