import { describe, expect, it } from 'vitest';
import { Deadlines } from '../../../durable-objects/deadlines.ts';

/** An object's alarm, which outlives the object. */
function alarmClock() {
  let at: number | null = null;
  return {
    get at() {
      return at;
    },
    storage: {
      getAlarm: async () => at,
      setAlarm: async (time: number) => {
        at = time;
      },
    },
    /** The platform takes the alarm off before it rings. */
    off: () => {
      const was = at ?? 0;
      at = null;
      return was;
    },
  };
}

function setUp(clock = alarmClock()) {
  const ran: string[] = [];
  const problems: string[] = [];
  const next: { sweep: number | null; deliver: number | null | Error } = { sweep: null, deliver: null };
  const deadlines = new Deadlines(
    clock.storage,
    {
      sweep: async () => {
        ran.push('sweep');
        return next.sweep;
      },
      deliver: async () => {
        ran.push('deliver');
        if (next.deliver instanceof Error) throw next.deliver;
        return next.deliver;
      },
    },
    (name, problem) => problems.push(`${name}: ${problem}`),
  );
  return { clock, deadlines, ran, problems, next };
}

describe('P3 several deadlines over one alarm', () => {
  it('P3 the alarm is set for the first of them, and only what is due runs', async () => {
    const { clock, deadlines, ran, next } = setUp();
    await deadlines.set('sweep', 5_000);
    await deadlines.set('deliver', 1_000);
    await deadlines.set('sweep', 9_000);
    expect(clock.at).toBe(1_000);
    next.deliver = 3_000;
    await deadlines.ring(clock.off());
    expect([ran, clock.at]).toEqual([['deliver'], 3_000]);
    next.deliver = null;
    await deadlines.ring(clock.off());
    expect(clock.at).toBe(9_000);
    await deadlines.ring(clock.off());
    expect([ran, clock.at]).toEqual([['deliver', 'deliver', 'sweep'], null]);
  });

  it('P3 those that are set at the same time do not overwrite each other', async () => {
    const { clock, deadlines } = setUp();
    await Promise.all([
      deadlines.keep('sweep', () => 5_000),
      deadlines.set('deliver', 1_000),
      deadlines.keep('sweep', () => 5_000),
    ]);
    expect(clock.at).toBe(1_000);
  });

  it('P3 what is set while its task runs is not lost', async () => {
    const { clock, deadlines, next } = setUp();
    await deadlines.set('deliver', 1_000);
    const ringing = deadlines.ring(clock.off());
    await deadlines.set('deliver', 1_500);
    next.deliver = 9_000;
    await ringing;
    expect(clock.at).toBe(1_500);
  });

  it('P3 an alarm of before a restart runs everything: what it was for is not known any more', async () => {
    const { clock, deadlines } = setUp();
    await deadlines.set('deliver', 1_000);
    const again = setUp(clock);
    again.next.sweep = 7_000;
    await again.deadlines.keep('sweep', () => 99_000);
    expect(clock.at).toBe(1_000);
    await again.deadlines.ring(clock.off());
    expect([again.ran.toSorted(), clock.at]).toEqual([['deliver', 'sweep'], 7_000]);
  });

  it('P3 an alarm that rings before this clock says so still runs what it was set for', async () => {
    const { clock, deadlines, ran } = setUp();
    await deadlines.set('sweep', 2_000);
    await deadlines.set('deliver', 1_000);
    clock.off();
    await deadlines.ring(990);
    expect(ran).toEqual(['deliver']);
  });

  it('P3 what is kept is set once, and again when it had nothing to wait for', async () => {
    const { clock, deadlines } = setUp();
    await deadlines.keep('sweep', () => null);
    expect(clock.at).toBeNull();
    await deadlines.keep('sweep', () => 4_000);
    await deadlines.keep('sweep', () => 2_000);
    expect(clock.at).toBe(4_000);
  });

  it('P3 a task that fails is told of and tried again, and takes nothing from the others', async () => {
    const { clock, deadlines, ran, problems, next } = setUp();
    next.deliver = new Error('disk full');
    next.sweep = 900_000;
    await deadlines.set('sweep', 1_000);
    await deadlines.set('deliver', 1_000);
    await deadlines.ring(clock.off());
    expect(problems).toEqual(['deliver: Error: disk full']);
    expect([ran.toSorted(), clock.at]).toEqual([['deliver', 'sweep'], 61_000]);
  });
});
