/** Reads callgrind.out files, Valgrind's and ours, as far as tests compare them. */

export interface CallgrindFunction {
  /** Source file, without folders. */
  file: string;
  /** Instructions of its own. */
  self: number;
  /** Callee → calls and what they cost altogether. */
  readonly calls: Map<string, { count: number; inclusive: number }>;
}

export interface CallgrindFile {
  readonly total: number;
  readonly functions: Map<string, CallgrindFunction>;
}

/** Valgrind names recursive instances `f'2`. */
const plain = (name: string): string => name.replace(/'\d+$/, '');

export function parseCallgrind(text: string): CallgrindFile {
  const names = new Map<string, string>();
  const named = (kind: string, value: string): string => {
    const [, number = '', name = ''] = /^(?:\((\d+)\))?\s*(.*)$/.exec(value) ?? [];
    if (number === '') return name;
    const key = `${kind}${number}`;
    if (name !== '') names.set(key, name);
    return names.get(key) ?? '';
  };
  const functions = new Map<string, CallgrindFunction>();
  let total = 0;
  let file = '';
  let current: CallgrindFunction | undefined;
  let callee = '';
  let pending: number | undefined;
  for (const line of text.split('\n')) {
    const [, key = '', value = ''] = /^([a-z]+)=(.*)$/.exec(line) ?? [];
    if (key === 'fl') file = named('file', value);
    else if (key === 'fi' || key === 'fe' || key === 'cfi' || key === 'cfl') named('file', value);
    else if (key === 'ob' || key === 'cob') named('object', value);
    else if (key === 'fn') {
      const name = plain(named('function', value));
      current = functions.get(name) ?? { file: file.slice(file.lastIndexOf('/') + 1), self: 0, calls: new Map() };
      functions.set(name, current);
    } else if (key === 'cfn') callee = plain(named('function', value));
    else if (key === 'calls') pending = Number(value.split(' ')[0]);
    else if (/^summary: |^totals: /.test(line)) total = Number(line.split(' ')[1]);
    else if (/^(0x[\da-f]+|\+\d+|-\d+|\*|\d+) /.test(line) && current !== undefined) {
      const cost = Number(line.split(' ').at(-1));
      if (pending === undefined) current.self += cost;
      else {
        const call = current.calls.get(callee) ?? { count: 0, inclusive: 0 };
        current.calls.set(callee, { count: call.count + pending, inclusive: call.inclusive + cost });
        pending = undefined;
      }
    }
  }
  return { total, functions };
}
