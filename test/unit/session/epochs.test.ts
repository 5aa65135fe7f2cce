import { describe, expect, it } from 'vitest';
import { Epochs } from '../../../session/epochs.ts';

describe('P5 what a count of before means now', () => {
  it.each([
    // after, epoch, received now -> the count of now
    ['of this life', 7, 2, 20, 7],
    ['of the life before, within what is known of it', 7, 1, 20, 7],
    ['of the life before, beyond what the log kept: nothing of it is missing', 13, 1, 20, 10],
    ['of a life that never was', 7, 3, 20, null],
    ['of no stated life, before the loss: it is the same in both', 10, null, 20, 10],
    ['of no stated life, beyond the loss, while nothing was sent since', 13, null, 10, 10],
    ['of no stated life, beyond the loss, when it could be of either', 13, null, 20, null],
  ])('P5 one %s', (_name, after, epoch, received, count) => {
    expect(new Epochs([10]).translate(after, epoch, received)).toBe(count);
  });

  it('P5 before any loss every count is of this life', () => {
    const epochs = new Epochs();
    expect([epochs.current, epochs.translate(5, null, 3), epochs.translate(5, 1, 9)]).toEqual([1, 5, 5]);
    epochs.next(9);
    expect([epochs.current, epochs.ends]).toEqual([2, [9]]);
  });
});
