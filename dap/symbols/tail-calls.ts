/**
 * Tail calls left out of the stack: between a call and the function that is running there may have been others, which jumped on. The
 * compiler's descriptions of calls tell which, when there is only one way; where ways part, what is common to all of them is told.
 */
import type { CallSite } from '../../emulator/image/dwarf/call-sites.ts';
import type { FunctionInfo } from '../../emulator/image/dwarf/debug-info.ts';
import type { SymbolFile } from './symbol-file.ts';

/** More calls than this are not searched: the answer would not be unique anyway. */
const MOST_VISITS = 2000;

const tailCalls = (file: SymbolFile, of: FunctionInfo): CallSite[] => file.callSitesOf(of.die).filter(({ tail }) => tail).reverse();

/** Entry of the function a site calls; undefined when that is decided at run time. */
function calleeOf(file: SymbolFile, site: CallSite): FunctionInfo | undefined {
  return site.callee === undefined ? undefined : file.functionOf(site.callee);
}

/**
 * Addresses behind the jumps that led from the call which returns to `returns` in `caller` to the function `running`, the last jump first.
 * Empty: it was called directly, or nothing certain is known.
 */
export function tailCallsBetween(file: SymbolFile, caller: FunctionInfo | undefined, returns: number, running: FunctionInfo): number[] {
  const first = caller === undefined ? undefined : file.callSitesOf(caller.die).find(({ returnAddress }) => returnAddress === returns);
  if (first === undefined) return [];
  const ways: number[][] = [];
  const visited = new Set<number>();
  let visits = 0;
  /** False: something on the way is not known, so that nothing is certain. */
  const follow = (site: CallSite, way: readonly number[]): boolean => {
    const target = calleeOf(file, site);
    if (target === undefined || ++visits > MOST_VISITS) return false;
    if (target.entry === running.entry) {
      ways.push([...way]);
      return true;
    }
    for (const next of tailCalls(file, target)) {
      if (visited.has(next.returnAddress)) continue;
      visited.add(next.returnAddress);
      if (!follow(next, [...way, next.returnAddress])) return false;
      visited.delete(next.returnAddress);
    }
    return true;
  };
  if (!follow(first, []) || ways.length === 0) return [];
  const [shortest, ...others] = ways;
  let front = shortest.length;
  let back = shortest.length;
  for (const way of others) {
    let same = 0;
    while (same < Math.min(front, way.length) && way[same] === shortest[same]) same++;
    front = same;
    same = 0;
    while (same < Math.min(back, way.length) && way[way.length - 1 - same] === shortest[shortest.length - 1 - same]) same++;
    back = same;
  }
  const certain = others.length === 0 ? shortest : [...shortest.slice(0, front), ...shortest.slice(shortest.length - Math.min(back, shortest.length - front))];
  return certain.reverse();
}

/** Whether a function can come to itself through tail calls: its values at entry are then not those its caller gave. */
export function callsItself(file: SymbolFile, start: FunctionInfo): boolean {
  const seen = new Set<number>();
  const open: FunctionInfo[] = [start];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const site of tailCalls(file, next)) {
      const target = calleeOf(file, site);
      // gdb gives up at a jump it cannot follow, too.
      if (target === undefined) return true;
      if (target.entry === start.entry) return true;
      if (target.entry === undefined || seen.has(target.entry) || seen.size > MOST_VISITS) continue;
      seen.add(target.entry);
      open.push(target);
    }
  }
  return false;
}
