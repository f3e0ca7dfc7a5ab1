/** Objects read through the debug information of a small program whose data is taken from its file. */
import { describe, expect, it } from 'vitest';
import { staticKernel } from './static-kernel.ts';
import { GuestDataError, LayoutError } from './guest-object.ts';

const SOURCE = `
struct list_head { struct list_head *next, *prev; };
struct hlist_node { struct hlist_node *next, **pprev; };
struct hlist_head { struct hlist_node *first; };
struct task { int pid; struct { struct { char name[8]; long saved[3][2]; } inner; }; struct list_head link; struct hlist_node hash; unsigned low : 3; int high : 5; const char *title; };
extern struct task two, three;
struct list_head head = { &two.link, &three.link };
struct task two = { 2, { { "two", { { 1, 2 }, { 3, 4 }, { 5, 6 } } } }, { &three.link, &head }, { &three.hash, 0 }, 5, -3, "second" };
struct task three = { -3, { { "threefol", { { 0 } } } }, { &head, &two.link }, { 0, 0 }, 2, 7, 0 };
struct hlist_head bucket = { &two.hash };
struct list_head empty = { &empty, &empty }, unset, lost = { &two.link, 0 };
struct hlist_node loop = { &loop, 0 }; struct hlist_head endless = { &loop };
struct task *all[] = { &two, &three }, *wild = (struct task *)8;
long __per_cpu_offset[2] = { 0, -16 };
int counters[8] = { 10, 11, 12, 13, 14, 15, 16, 17 };
int main(void) { return 0; }
`;
describe('an object', () => {
  const kernel = staticKernel(SOURCE, ['-no-pie']);
  const two = kernel.variable('two');

  it('has fields by path, or not', () => {
    expect(two.number('pid')).toBe(2);
    expect(kernel.variable('three').integer('pid')).toBe(-3n);
    expect(two.text('inner.name')).toBe('two');
    expect(kernel.variable('three').text('inner.name')).toBe('threefol');
    expect(two.number('inner.saved[3]')).toBe(4);
    expect([two.number('low'), two.number('high')]).toEqual([5, -3]);
    expect(two.first('gone', 'inner.gone', 'inner.saved[5]')?.number()).toBe(6);
    expect(two.has('inner.name.x')).toBe(false);
    expect(two.find('pid[0]')).toBeUndefined();
    expect(() => two.at('gone')).toThrow(LayoutError);
    expect(() => two.integer('inner')).toThrow(LayoutError);
    expect(() => kernel.variable('nothing')).toThrow(LayoutError);
  });

  it('follows pointers and strings', () => {
    expect(two.text('title')).toBe('second');
    expect(kernel.variable('three').text('title')).toBe('');
    expect(kernel.variable('all').element(1).follow()?.number('pid')).toBe(-3);
    expect(kernel.variable('all').length).toBe(2);
    expect(() => kernel.variable('wild').follow()?.number('pid')).toThrow(GuestDataError);
    expect(() => two.follow('pid')).toThrow(LayoutError);
  });

  it('walks lists', () => {
    const type = kernel.type('struct task');
    const pids = (name: string): number[] => [...kernel.variable(name).list(type, 'link')].map((task) => task.number('pid'));
    expect(pids('head')).toEqual([2, -3]);
    expect(pids('empty')).toEqual([]);
    expect(pids('unset')).toEqual([]);
    expect([...kernel.variable('bucket').hashList(type, 'hash')].map((task) => task.number('pid'))).toEqual([2, -3]);
    expect(two.at('link').container(type, 'link').address).toBe(two.address);
    expect(() => pids('lost')).toThrow(GuestDataError);
    expect(() => [...kernel.variable('endless').hashList(type, 'hash')]).toThrow(GuestDataError);
  });

  it('knows per-cpu variables, symbols and code', () => {
    expect(kernel.perCpu('counters', 0)?.element(4).number()).toBe(14);
    expect(kernel.perCpu('counters', 1)?.element(4).number()).toBe(10);
    const main = kernel.image.symbol('main') ?? 0;
    expect(kernel.code(main + 2)).toMatch(/^main\+0x2\/0x[0-9a-f]+$/);
    expect(kernel.image.symbol('no such symbol')).toBeUndefined();
  });

  it('is found where a position-independent kernel was loaded', () => {
    const moved = staticKernel(SOURCE, ['-pie', '-fPIE'], 0x7000_0000);
    expect(moved.image.bias).toBe(0x7000_0000);
    expect(moved.variable('two').address).toBe(moved.image.symbol('two'));
    expect(moved.variable('counters').element(3).number()).toBe(13);
  });
});
