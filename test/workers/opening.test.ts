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
    const plan = { request: {}, dialTimeoutMs: 1_000 } as ConnectPlan; // all that a dial looks at
    const nothing = () => {
      throw new Error('nothing is dialled');
    };
    const dialled = await dialUpstream(adapter, plan, null, nothing, {});
    expect(dialled).toEqual({ kind: 'unreachable', detail: expect.stringContaining('no such region') });
  });
});
