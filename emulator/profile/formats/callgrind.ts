/** callgrind.out, for callgrind_annotate and KCachegrind (Valgrind manual, "Callgrind Format Specification"): instructions by address and line, calls with their inclusive cost. */
import type { CountedFunction, Profile } from '../profile.ts';

const UNKNOWN_FILE = '???';

/** Names are written once and referred to by number. */
class Names {
  private readonly numbers = new Map<string, number>();

  text(name: string): string {
    const known = this.numbers.get(name);
    if (known !== undefined) return `(${known})`;
    this.numbers.set(name, this.numbers.size + 1);
    return `(${this.numbers.size}) ${name}`;
  }
}

export function callgrindOut(profile: Profile, command: string): string {
  const objects = new Names();
  const files = new Names();
  const functions = new Names();
  const lines: string[] = [
    '# callgrind format', 'version: 1', 'creator: skas', `cmd: ${command}`, 'positions: instr line', 'event: Ir : instructions retired, counted exactly', 'events: Ir', `summary: ${profile.total}`, '',
  ];
  const fileOf = (one: CountedFunction): string => profile.lineOf(one, one.low)?.file ?? UNKNOWN_FILE;
  const object = (one: CountedFunction): string => one.image?.path ?? UNKNOWN_FILE;
  // Functions of one name in one file (static ones of a header, clones) would be taken for one.
  const nameOf = uniqueNames(profile.functions, fileOf);
  for (const one of profile.functions) {
    if (one.self === 0 && one.callees.length === 0) continue;
    const home = fileOf(one);
    lines.push(`ob=${objects.text(object(one))}`, `fl=${files.text(home)}`, `fn=${functions.text(nameOf(one))}`);
    let file = home;
    const position = (address: number): string => {
      const place = profile.lineOf(one, address);
      const here = place?.file ?? home;
      if (here !== file) {
        // Inlined code of another file.
        lines.push(`${here === home ? 'fe' : 'fi'}=${files.text(here)}`);
        file = here;
      }
      return `0x${address.toString(16)} ${place?.line ?? 0}`;
    };
    const bySite = Map.groupBy(one.callees, ({ site }) => site);
    for (const { address, count } of one.instructions) {
      lines.push(`${position(address)} ${count}`);
      for (const { callee, count: calls, inclusive } of bySite.get(address) ?? []) {
        if (calls === 0) continue;
        const at = position(address);
        lines.push(`cob=${objects.text(object(callee))}`, `cfi=${files.text(fileOf(callee))}`, `cfn=${functions.text(nameOf(callee))}`);
        lines.push(`calls=${calls} 0x${callee.low.toString(16)} ${profile.lineOf(callee, callee.low)?.line ?? 0}`, `${at} ${inclusive}`);
      }
    }
    if (one.image === undefined && one.self > 0) lines.push(`0x0 0 ${one.self}`);
    lines.push('');
  }
  lines.push(`totals: ${profile.total}`, '');
  return lines.join('\n');
}

function uniqueNames(functions: readonly CountedFunction[], fileOf: (one: CountedFunction) => string): (one: CountedFunction) => string {
  const taken = new Map<string, CountedFunction>();
  const names = new Map<CountedFunction, string>();
  for (const one of functions) {
    const key = `${one.image?.path}\0${fileOf(one)}\0${one.name}`;
    names.set(one, taken.has(key) ? `${one.name}@0x${one.low.toString(16)}` : one.name);
    if (!taken.has(key)) taken.set(key, one);
  }
  return (one) => names.get(one) ?? one.name;
}
