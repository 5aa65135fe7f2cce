import { describe, expect, it } from 'vitest';
import { soak } from '../../bench/soak/run.ts';

describe('P1 P5 under faults', () => {
  it('P1 P5 nothing is lost, doubled, reordered or altered outside what is declared; never two upstreams, one end each', async () => {
    const result = await soak({
      seed: 7,
      sessions: 8,
      frames: 60_000,
      faults: 60,
      kills: 1,
      report: () => undefined,
    });
    expect(result.problems).toEqual([]);
    // How many get through in that time is the machine's.
    expect(result.frames).toBeGreaterThan(5000);
    expect(Object.values(result.faults).reduce((sum, each) => sum + each, 0)).toBeGreaterThanOrEqual(60);
    expect(result.comebacks).toBeGreaterThan(0);
  });
});
