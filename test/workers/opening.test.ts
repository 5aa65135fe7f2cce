import type { Env } from '../../durable-objects/environment.ts';
import { describe, expect, it } from 'vitest';
import { dialUpstream } from '../../durable-objects/opening.ts';
import type { ConnectPlan } from '../../protocol/connect.ts';
import { openai } from '../../providers/openai.ts';

describe('P1 a dial', () => {
  it('P1 that the adapter cannot even begin has failed like any other', async () => {
    const adapter = {
      ...openai,
      dial: () => {
        throw new Error('no such region');
      },
    };
    const told: string[] = [];
    const plan = { request: { baseUrl: 'https://api.openai.com/v1' }, dialTimeoutMs: 1_000 } as ConnectPlan; // all that a dial looks at
    const nothing = () => {
      throw new Error('nothing is dialled');
    };
    const dialled = await dialUpstream(
      { adapter, plan, state: null, cancels: false },
      nothing,
      {} as unknown as Env,
      (problem) => told.push(problem),
    );
    expect(dialled).toMatchObject({ kind: 'failed', failure: { reason: 'upstream_unreachable' } });
    expect(told).toEqual([expect.stringContaining('no such region')]);
  });
});
