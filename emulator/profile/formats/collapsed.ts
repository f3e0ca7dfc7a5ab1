/** Collapsed stacks, for flamegraph.pl, inferno, speedscope: `thread;outermost;…;innermost instructions` a line. */
import { nameOf, type CountedChain, type Profile } from '../profile.ts';

/** What a chain's beginning is called: the thread. */
export function threadName({ context }: CountedChain): string {
  return nameOf(context);
}

/** Functions of a chain, outermost first. */
export function framesOf(chain: CountedChain): CountedChain[] {
  const frames: CountedChain[] = [];
  for (let one: CountedChain | undefined = chain; one !== undefined; one = one.parent) frames.unshift(one);
  return frames;
}

const clean = (name: string): string => name.replace(/[;\s]/g, '_');

export function collapsedStacks(profile: Profile): string {
  const sums = new Map<string, number>();
  for (const chain of profile.chains) {
    if (chain.self === 0) continue;
    const text = [threadName(chain).replace(/;/g, '_'), ...framesOf(chain).map((frame) => clean(frame.function.name))].join(';');
    sums.set(text, (sums.get(text) ?? 0) + chain.self);
  }
  return [...sums].map(([text, sum]) => `${text} ${sum}\n`).join('');
}
