import { describe, expect, it } from 'vitest';
import { Agenda } from '../../../simulators/agenda.ts';

describe('agenda', () => {
  it('SIM tasks come in order of time, and of arrival among equals', () => {
    const agenda = new Agenda();
    const done: string[] = [];
    agenda.add(20, () => done.push('c'));
    agenda.add(10, () => done.push('a'));
    agenda.add(10.2, () => done.push('b'));
    const removed = agenda.add(5, () => done.push('removed'));
    agenda.remove(removed);
    agenda.remove(null);
    expect(agenda.due()).toBe(10);
    expect(agenda.take(9)).toBeNull();
    for (let task = agenda.take(30); task !== null; task = agenda.take(30)) task.run(task.at);
    expect(done).toEqual(['a', 'b', 'c']);
    expect(agenda.due()).toBeNull();
  });
});
