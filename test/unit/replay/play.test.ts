import { assert, property } from 'fast-check';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pace } from '../../../replay/pace.ts';
import { type Moment, play, type Range, type Stage } from '../../../replay/play.ts';

interface Event extends Moment {
  readonly up: boolean;
}

/** Time passes only while something is waited for, and every timer is late by a little. */
class FakeStage implements Stage<Event> {
  clock = 1_000_000;
  isOver = false;
  readonly played: { readonly event: Event; readonly at: number }[] = [];
  readonly #late: number;
  readonly #clientTakes: readonly number[];
  #met = 0;

  constructor(late = 0, clientTakes: readonly number[] = []) {
    this.#late = late;
    this.#clientTakes = clientTakes;
  }

  now(): number {
    return this.clock;
  }

  async until(at: number): Promise<void> {
    this.clock = Math.max(this.clock, at) + this.#late;
  }

  partOf(event: Event): 'play' | 'meet' | 'skip' {
    if (!event.up) return 'play';
    return this.#clientTakes.length === 0 ? 'skip' : 'meet';
  }

  async play(event: Event): Promise<void> {
    this.played.push({ event, at: this.clock });
  }

  async meet(): Promise<void> {
    this.clock += this.#clientTakes[this.#met] ?? 0;
    this.#met += 1;
  }
}

async function* each(events: readonly Event[]): AsyncGenerator<Event> {
  yield* events;
}

const down = (at: number | null): Event => ({ at, up: false });
const up = (at: number): Event => ({ at, up: true });
const ALL: Range = { speed: 1, from: null, to: null };

async function times(events: readonly Event[], range: Partial<Range>, stage = new FakeStage()) {
  await play(each(events), { ...ALL, ...range }, stage);
  return stage.played.map(({ at }) => at - 1_000_000);
}

describe('P3 a paced replay', () => {
  it.each([
    [1, [0, 40, 40, 1000]],
    [10, [0, 4, 4, 100]],
    [0.1, [0, 400, 400, 10_000]],
    [1000, [0, 0.04, 0.04, 1]],
  ])('P3 at speed %d keeps the distances', async (speed, wanted) => {
    const found = await times([down(5000), down(5040), down(5040), down(6000)], { speed });
    for (const [index, at] of wanted.entries()) expect(found[index]).toBeCloseTo(at, 6);
  });

  it('P3 timers that are late delay nothing but what they were for, however many there are', async () => {
    const events = Array.from({ length: 1000 }, (_, index) => down(index * 20));
    const found = await times(events, {}, new FakeStage(7));
    for (const [index, at] of found.entries()) expect(at - index * 20).toBeLessThanOrEqual(7);
  });

  it('P3 begins with the first frame, or with the silence at the place that was asked for', async () => {
    const events = [down(5000), down(6000), down(7000)];
    expect(await times(events, {})).toEqual([0, 1000, 2000]);
    expect(await times(events, { from: 5500 })).toEqual([500, 1500]);
    expect(await times(events, { from: 5500, speed: 2, to: 6500 })).toEqual([250]);
  });

  it('P3 plays what has no time with what was before it, and a clock that stepped back holds nothing up', async () => {
    expect(await times([down(5000), down(6000), down(null), down(3000), down(6500)], {})).toEqual([
      0, 1000, 1000, 1000, 1500,
    ]);
  });

  it('P3 never plays anything early or out of order, whatever was recorded', async () => {
    await assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 1 }),
        fc.double({ min: 0.1, max: 1000, noNaN: true }),
        fc.integer({ min: 0, max: 50 }),
        async (gaps, speed, late) => {
          let at = 0;
          const events = gaps.map((gap) => down((at += gap)));
          const stage = new FakeStage(late);
          await play(each(events), { ...ALL, speed }, stage);
          expect(stage.played.map(({ event }) => event)).toEqual(events);
          const first = events[0]?.at ?? 0;
          for (const played of stage.played)
            expect(played.at - 1_000_000).toBeGreaterThanOrEqual(
              ((played.event.at ?? 0) - first) / speed - 1e-3,
            );
        },
      ),
    );
  });

  it('P3 a replay that is over plays nothing more, and says so', async () => {
    const stage = new FakeStage();
    stage.until = async () => {
      stage.isOver = true;
    };
    expect(await play(each([down(0), down(10), down(20)]), ALL, stage)).toBeNull();
    expect(stage.played).toHaveLength(1);
  });
});

describe('P3 a lockstep replay', () => {
  it('P3 stands still for the client, and then keeps the provider’s own pace, not that of the recorded client', async () => {
    const events = [down(0), up(9000), down(9200), up(20_000), down(20_050)];
    // The recorded client took 9 s and 10.8 s; this one takes 3 s and nothing.
    expect(await times(events, {}, new FakeStage(0, [3000, 0]))).toEqual([0, 3200, 3250]);
  });
});

describe('P3 the pace', () => {
  it('P3 is monotonic over any order of times', () => {
    assert(
      property(fc.array(fc.integer({ min: 0, max: 1e6 })), (recorded) => {
        const pace = new Pace(3);
        const dues = recorded.map((at) => pace.due(at, 500));
        expect(dues).toEqual(dues.toSorted((a, b) => a - b));
      }),
    );
  });
});
