import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimerQueue } from './timer-queue.ts';

describe('TimerQueue', () => {
  it('fires by deadline, equal ones in the order they were added, cancelled ones never', () => {
    const entry = fc.record({ deadline: fc.integer({ min: 0, max: 20 }), cancelled: fc.boolean() });
    fc.assert(fc.property(fc.array(entry, { maxLength: 60 }), fc.integer({ min: 0, max: 25 }), (entries, now) => {
      const queue = new TimerQueue();
      const fired: number[] = [];
      const handles = entries.map(({ deadline }, i) => queue.add(deadline, () => fired.push(i)));
      entries.forEach(({ cancelled }, i) => { if (cancelled) queue.cancel(handles[i]); });
      const due = entries.map((each, i) => ({ ...each, i })).filter(({ deadline, cancelled }) => !cancelled && deadline <= now);
      const expected = due.sort((a, b) => a.deadline - b.deadline || a.i - b.i).map(({ i }) => i);
      expect(queue.run(now)).toBe(expected.length);
      expect(fired).toEqual(expected);
      const left = entries.filter(({ deadline, cancelled }) => !cancelled && deadline > now).map(({ deadline }) => deadline);
      expect(queue.size).toBe(left.length);
      expect(queue.next).toBe(left.length === 0 ? undefined : Math.min(...left));
      expect(handles.filter(({ armed }) => armed).length).toBe(left.length);
    }));
  });

  it('runs what callbacks add, if it is due', () => {
    const queue = new TimerQueue();
    const fired: string[] = [];
    queue.add(1, () => {
      fired.push('first');
      queue.add(2, () => fired.push('second'));
      queue.add(9, () => fired.push('third'));
    });
    queue.run(5);
    expect(fired).toEqual(['first', 'second']);
    expect(queue.next).toBe(9);
  });

  it('lets a callback cancel another that is due', () => {
    const queue = new TimerQueue();
    queue.add(1, () => queue.cancel(victim));
    const victim = queue.add(1, () => { throw new Error('cancelled, but fired'); });
    expect(queue.run(1)).toBe(1);
  });
});
