import { describe, expect, it } from 'vitest';
import { type ConnectPlan, dialOf, type DialPlan, nextPlan } from '../../../protocol/connect.ts';
import { mayFallBack } from '../../../session/dial-attempts.ts';

const dialled = (provider: string, model: string, more: Partial<DialPlan> = {}): DialPlan => ({
  provider,
  model,
  request: { path: '', query: [], headers: {}, subprotocols: [], baseUrl: '', credential: `key of ${model}` },
  credentialSource: 'stored',
  simulated: false,
  ...more,
});

/** What is dialled of it, and in which order, is all that is looked at. */
const plan = (first: DialPlan, ...fallback: DialPlan[]) => ({ ...first, fallback }) as unknown as ConnectPlan;

describe('P5 what is dialled when a dial failed', () => {
  it('P5 one after the other, each with what is its own alone, until there is none', () => {
    const first = plan(
      dialled('a', 'one', { keyRemedy: 'of a', prices: [] }),
      dialled('b', 'two'),
      dialled('a', 'three', { keyRemedy: 'again' }),
    );
    const second = nextPlan(first);
    expect(second).toMatchObject({
      provider: 'b',
      model: 'two',
      step: 1,
      request: { credential: 'key of two' },
    });
    expect(second).not.toHaveProperty('keyRemedy');
    expect(second).not.toHaveProperty('prices');
    const third = second === null ? null : nextPlan(second);
    expect(third).toMatchObject({ provider: 'a', model: 'three', step: 2, keyRemedy: 'again', fallback: [] });
    expect(third === null ? null : nextPlan(third)).toBeNull();
  });

  it('P9 who joins brings the key of the provider that serves, or none', () => {
    const joining = plan(dialled('a', 'one'), dialled('b', 'two'));
    expect(dialOf(joining, 'b')?.request.credential).toBe('key of two');
    expect(dialOf(joining, 'a')?.request.credential).toBe('key of one');
    expect(dialOf(joining, 'c')).toBeNull();
  });

  it.each([
    ['upstream_unreachable', true, true],
    ['upstream_timeout', true, true],
    ['provider_refused', true, true],
    ['provider_key_rejected', false, true],
    ['provider_refused', false, false],
  ] as const)('P5 %s (transient: %s) lets another one serve: %s', (reason, transient, may) => {
    expect(mayFallBack({ reason, transient })).toBe(may);
  });
});
