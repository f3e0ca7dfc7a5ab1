/** speedscope's JSON (speedscope.app, file-format-schema.json): one sampled profile per thread, weighted with instructions. */
import type { CountedChain, CountedFunction, Profile } from '../profile.ts';
import { framesOf, threadName } from './collapsed.ts';

export function speedscopeJson(profile: Profile, name: string): string {
  const numbers = new Map<CountedFunction, number>();
  const frames: { name: string; file?: string; line?: number }[] = [];
  const frame = (one: CountedFunction): number => {
    const known = numbers.get(one);
    if (known !== undefined) return known;
    const place = profile.lineOf(one, one.low);
    numbers.set(one, frames.length);
    return frames.push({ name: one.name, ...(place === undefined ? {} : { file: place.file, line: place.line }) }) - 1;
  };
  const threads = Map.groupBy(profile.chains.filter(({ self }) => self > 0), (chain) => threadName(chain));
  const profiles = [...threads].map(([thread, chains]: [string, CountedChain[]]) => ({
    type: 'sampled', name: `${thread} (retired instructions)`, unit: 'none', startValue: 0,
    endValue: chains.reduce((sum, { self }) => sum + self, 0),
    samples: chains.map((chain) => framesOf(chain).map((one) => frame(one.function))),
    weights: chains.map(({ self }) => self),
  }));
  return JSON.stringify({ $schema: 'https://www.speedscope.app/file-format-schema.json', name, exporter: 'skas', shared: { frames }, profiles });
}
