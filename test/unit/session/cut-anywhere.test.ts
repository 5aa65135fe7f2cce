import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openai } from '../../../providers/openai.ts';
import { LIMITS } from '../../../session/limits.ts';
import { Session } from '../../../session/session.ts';
import type { Snapshot } from '../../../session/snapshot.ts';
import { FakeWire, type Harness, planOf } from './fake-wire.ts';
import { restore, talking, terse } from './terse-provider.ts';

describe('P5 cut anywhere, a session goes on from its snapshot as one that lost its upstream', () => {
  /** How often an upstream was lost before is not carried over. */
  const PATIENT = { ...LIMITS, redials: 1000 };
  type Step = 'client' | 'up' | 'open' | 'over' | 'join' | 'leave' | 'lose';
  const steps = fc.array(
    fc.constantFrom<Step>('client', 'client', 'up', 'up', 'open', 'over', 'join', 'leave', 'lose'),
    { maxLength: 40 },
  );

  function play({ session, wire }: Harness, script: readonly Step[], from: number): void {
    script.forEach((step, index) => {
      const now = from + index;
      const clients = clientsOf(session);
      const [number] = clients;
      if (step === 'client' && number !== undefined) session.clientFrame(number, `c${now}`, now);
      if (step === 'up' || step === 'open' || step === 'over')
        session.upstreamFrame(step === 'up' ? `u${now}` : step, now);
      if (step === 'join')
        attached.set(session, [...clients, session.join('controller', null, {}, now).number]);
      if (step === 'leave' && clients.length > 1 && number !== undefined) {
        session.leave(number, 1000, '', now);
        attached.set(session, clients.slice(1));
      }
      if (step === 'lose') session.upstreamClosed(1006, '', now);
      if (session.phase === 'restoring') restore({ session, wire }, now);
    });
  }

  const attached = new WeakMap<Session, number[]>();
  const clientsOf = (session: Session): number[] => attached.get(session) ?? [1];

  function continued(snapshot: Snapshot, clients: readonly number[], now: number): Harness {
    const wire = new FakeWire();
    const session = new Session(
      planOf({ named: true }),
      { ...openai, ...terse },
      PATIENT,
      wire,
      now,
      snapshot,
    );
    for (const number of clients)
      session.rejoin(number, 'controller', null, now, { name: null, control: 0, highest: 'controller' });
    attached.set(session, [...clients]);
    session.continuity.recover(now);
    restore({ session, wire }, now);
    return { session, wire };
  }

  const effectsOf = ({ session, wire }: Harness) => ({
    up: wire.up,
    down: Object.fromEntries(wire.down),
    totals: session.totals(),
    received: session.books.received,
    state: session.books.state,
    seq: session.recording.numbers.seq,
    phase: session.phase,
  });

  function compare(
    before: readonly Step[],
    after: readonly Step[],
    tamper: (text: string) => string,
  ): boolean {
    const old = talking({ named: true, limits: PATIENT });
    play(old, before, 1);
    const snapshot = JSON.parse(tamper(JSON.stringify(old.session.lives.snapshot()))) as Snapshot;
    const clients = clientsOf(old.session);
    const at = 1000;
    old.wire.up.length = 0;
    old.wire.down.clear();
    const fresh = continued(snapshot, clients, at);
    old.session.upstreamClosed(1006, '', at);
    restore(old, at);
    play(old, after, at + 1);
    play(fresh, after, at + 1);
    return JSON.stringify(effectsOf(old)) === JSON.stringify(effectsOf(fresh));
  }

  it('P5 the later effects are the same, whatever came before and comes after', () => {
    fc.assert(
      fc.property(steps, steps, (before, after) => compare(before, after, (text) => text)),
      { numRuns: 300 },
    );
  });

  it.each([
    ['a count', (text: string) => text.replace(/"received":\d+/g, '"received":0')],
    ['the conversation', (text: string) => text.replace(/"frames":\d+/, '"frames":7777')],
    ['a sum', (text: string) => text.replace(/"frames_up":\d+/, '"frames_up":99')],
  ])('P5 and %s that is lost on the way would be noticed', (_name, tamper) => {
    const before: Step[] = ['client', 'up', 'open'];
    expect(compare(before, ['client', 'up'], (text) => text)).toBe(true);
    expect(compare(before, ['client', 'up'], tamper)).toBe(false);
  });
});
