/** The property itself, and what shows that it can fail. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Observation } from '../../../protocol/observations.ts';
import type { ProviderAdapter } from '../../../providers/adapter.ts';
import type { Charged } from '../../../simulators/ledger.ts';
import { recorded, toMicroseconds } from './amounts.ts';
import { play, type Script, type Step, type UsageWire } from './usage-drive.ts';

/** More of them find what is rare: `PARLEY_TEST_RUNS=10 npx vitest run --project unit test/unit/usage` plays ten times as many. */
const RUNS = 100 * Number(process.env['PARLEY_TEST_RUNS'] ?? 1);
const LEAST_STEPS = 5;
const MOST_STEPS = 20;

const TALK: readonly fc.WeightedArbitrary<Step>[] = [
  {
    weight: 24,
    arbitrary: fc.record({
      do: fc.constant('move' as const),
      which: fc.nat(63),
      who: fc.nat(3),
      n: fc.nat(63),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.constantFrom(20, 150, 700, 3_000, 12_000).map((ms) => ({ do: 'pass' as const, ms })),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(null, 'a', 'b').map((as) => ({ do: 'join' as const, as })),
  },
  { weight: 2, arbitrary: fc.nat(3).map((who) => ({ do: 'leave' as const, who })) },
];
const MISFORTUNE: readonly fc.WeightedArbitrary<Step>[] = [
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('cut' as const),
      code: fc.constantFrom(1006 as const, 1011 as const),
      lossy: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
];
const last: fc.Arbitrary<readonly Step[]> = fc.constantFrom([], [{ do: 'end' as const }]);

function scriptOf(
  steps: readonly fc.WeightedArbitrary<Step>[],
  more: Pick<{ [K in keyof Script]: fc.Arbitrary<Script[K]> }, 'rests' | 'lifeSeconds'>,
) {
  return fc.record({
    named: fc.boolean(),
    early: fc.boolean(),
    ...more,
    n: fc.nat(63),
    steps: fc
      .tuple(
        fc.array(fc.oneof(...steps), { minLength: LEAST_STEPS, maxLength: MOST_STEPS, size: 'max' }),
        last,
      )
      .map(([some, end]) => [...some, ...end]),
  });
}

/** Of a session that stays on one upstream in one process. */
export const plainScript: fc.Arbitrary<Script> = scriptOf(TALK, {
  rests: fc.constant(false),
  lifeSeconds: fc.constant(null),
});
const script: fc.Arbitrary<Script> = scriptOf([...TALK, ...MISFORTUNE], {
  rests: fc.boolean(),
  lifeSeconds: fc.constantFrom(null, null, 4, 15, 40),
});

/** What ends a socket before its provider has told all. */
const ENDS: ReadonlySet<Step['do']> = new Set(['cut', 'restart', 'end']);

/** Throws where the record differs from the bill. Returns how often the session moved to another socket in time. */
function holds(wire: UsageWire, given: Script, adapter?: ProviderAdapter): number {
  const { totals, told, all, sources, turns, problems, rollovers } = play(wire, given, adapter);
  expect(problems).toEqual([]);
  const expected = expectedOf(wire, told, all);
  expect(toMicroseconds(recorded(totals))).toEqual(toMicroseconds(expected));
  if (wire.source !== 'either') expect(sources.filter((source) => source !== wire.source)).toEqual([]);
  const measured = sources.filter((source) => source === 'measured').length;
  expect(totals.response.measured + totals.transcription.measured).toBe(measured);
  // What was charged and never told shows as an answer that is not complete.
  const isUnheardOf =
    wire.beginsUnsaid === true && given.steps.some((each) => each.do === 'cut' && each.lossy);
  const isUntold = JSON.stringify(expected.response) !== JSON.stringify(all.response);
  if (isUntold && !isUnheardOf) expect(turns).toContain('incomplete');
  // Clients that only leave take nothing away: what is still being answered is waited for.
  const isLeftAlone = given.lifeSeconds === null && given.steps.every((each) => !ENDS.has(each.do));
  if (!given.named && isLeftAlone) expect(isUntold).toBe(false);
  return rollovers;
}

function expectedOf({ records }: UsageWire, told: Charged, all: Charged): Charged {
  switch (records) {
    case 'told':
      return told;
    case 'all':
      return all;
    case 'told and seconds':
      return { ...told, response: { ...told.response, seconds: all.response.seconds } };
  }
}

/** Of each session drops the first usage, or tells it twice under another key. */
function tampered(adapter: ProviderAdapter, how: 'drop' | 'double'): ProviderAdapter {
  let seen = 0;
  const change = (observations: readonly Observation[]): readonly Observation[] =>
    observations.flatMap((each): readonly Observation[] => {
      if (each.kind !== 'usage') return [each];
      seen += 1;
      if (seen > 1) return [each];
      return how === 'drop' ? [] : [each, { ...each, dedupeKey: `${each.dedupeKey} again` }];
    });
  return {
    ...adapter,
    begin: (request) => {
      seen = 0;
      return adapter.begin(request);
    },
    read: (state, from, payload) => {
      const reading = adapter.read(state, from, payload);
      return { ...reading, observations: change(reading.observations) };
    },
    atEnd: (state, life) => change(adapter.atEnd?.(state, life) ?? []),
  };
}

export function checkUsage(wires: readonly UsageWire[]): void {
  describe.each(wires)('P8 $name', (wire) => {
    it(
      wire.records === 'told'
        ? 'P8 what is on record is what the provider had charged when its last frame came; an answer that was cut before it was billed is on record as incomplete'
        : 'P8 what is on record is all that the provider charged, measured where it said nothing',
      () => {
        let rollovers = 0;
        fc.assert(
          fc.property(script, (given) => void (rollovers += holds(wire, given))),
          { numRuns: RUNS },
        );
        if (wire.limit === 'said') expect(rollovers).toBeGreaterThan(0);
      },
    );

    it.each(['drop', 'double'] as const)(
      'P8 one usage that is lost or counted twice is noticed: %s',
      (how) => {
        const adapter = tampered(wire.adapter, how);
        const found = fc.check(
          fc.property(script, (given) => void holds(wire, given, adapter)),
          { numRuns: RUNS, endOnFailure: true },
        );
        expect(found.failed).toBe(true);
      },
    );
  });
}
