import { describe, expect, it } from 'vitest';
import { openai } from '../../../providers/openai.ts';
import { asDialled } from '../../../replay/as-dialled.ts';
import { Run, standing } from '../../../replay/run.ts';

const newRun = () => new Run(openai, asDialled({ path: '', query: [['model', 'm']] }), 100);
const event = (type: string, more: object = {}) => JSON.stringify({ type, ...more });
const CREATE = event('response.create');
const CREATED = event('session.created', { session: { type: 'realtime', model: 'm' } });
const response = (id: string, status: string) => ({ response: { id, status, output: [] } });
const began = (id: string) => event('response.created', response(id, 'in_progress'));
const done = (id: string) => event('response.done', response(id, 'completed'));

describe('P3 a re-driven client waits for what the recorded one had been told', () => {
  it('P3 for the greeting, and for each answer that was over by then', () => {
    const [recorded, live] = [newRun(), newRun()];
    expect(standing(live, recorded)).toBe('even');
    recorded.came(CREATED);
    expect(standing(live, recorded)).toBe('unanswered');
    live.came(CREATED);
    expect(standing(live, recorded)).toBe('even');
    for (const run of [recorded, live]) run.sent(CREATE);
    recorded.came(began('a'));
    recorded.came(done('a'));
    expect(standing(live, recorded)).toBe('busy');
    live.came(began('x'));
    expect(standing(live, recorded)).toBe('busy');
    live.came(done('x'));
    expect(standing(live, recorded)).toBe('even');
  });

  it('P3 one that interrupted an answer waits until there is one, and no longer', () => {
    const [recorded, live] = [newRun(), newRun()];
    for (const run of [recorded, live]) run.sent(CREATE);
    recorded.came(began('a'));
    expect(standing(live, recorded)).toBe('unanswered');
    live.came(began('x'));
    expect(standing(live, recorded)).toBe('even');
  });

  it('P3 an answer that nobody asked for by a frame, but by speaking, is unanswered until it begins', () => {
    const [recorded, live] = [newRun(), newRun()];
    recorded.came(CREATED);
    live.came(CREATED);
    recorded.came(began('a'));
    recorded.came(done('a'));
    expect(standing(live, recorded)).toBe('unanswered');
    live.came(began('x'));
    expect(standing(live, recorded)).toBe('busy');
  });

  it('P3 an answer that does not come is waited for once', () => {
    const [recorded, live] = [newRun(), newRun()];
    recorded.came(began('a'));
    recorded.came(done('a'));
    live.giveUpOn(recorded);
    expect(standing(live, recorded)).toBe('even');
  });
});
