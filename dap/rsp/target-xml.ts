/** Registers of a target description (target.xml, gdb manual appendix G). Only what the adapter needs of XML is read. */
import { RspError } from './rsp-error.ts';

export interface RegisterDescription {
  readonly name: string;
  /** Number in `p` and `P` packets. */
  readonly number: number;
  readonly bits: number;
  /** `int64`, `data_ptr`, `i387_ext`, `vec128`, `i386_eflags` … */
  readonly type: string;
  readonly group: string;
  /** Offset in the `g` packet, in bytes. */
  readonly offset: number;
}

const MOST_INCLUDES = 32;

function attributes(tag: string): Map<string, string> {
  return new Map([...tag.matchAll(/([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)].map((match) => [match[1], match[2] ?? match[3] ?? '']));
}

/** Names of the documents a document includes. */
export function includedDocuments(document: string): string[] {
  return [...document.matchAll(/<xi:include\s[^>]*>/g)].flatMap(([tag]) => attributes(tag).get('href') ?? []);
}

/** The document with all it includes. `read` gives another one by its name. */
export async function expandIncludes(document: string, read: (name: string) => Promise<string>, depth = 0): Promise<string> {
  let expanded = document;
  const names = includedDocuments(document);
  if (depth > 8 || names.length > MOST_INCLUDES) throw new RspError('the target description includes itself');
  for (const name of names) {
    const inner = await expandIncludes(await read(name), read, depth + 1);
    expanded = expanded.replace(/<xi:include\s[^>]*>(\s*<\/xi:include>)?/, () => inner);
  }
  return expanded;
}

/** @throws RspError when it describes no registers */
export function parseRegisters(document: string): RegisterDescription[] {
  const rows = [...document.replace(/<!--[\s\S]*?-->/g, '').matchAll(/<reg\s[^>]*>/g)];
  let next = 0;
  const numbered = rows.map(([tag]) => {
    const found = attributes(tag);
    const name = found.get('name');
    const bits = Number(found.get('bitsize'));
    if (name === undefined || !Number.isInteger(bits) || bits < 1) throw new RspError(`the target description has a register without name or size: ${tag}`);
    const number = found.has('regnum') ? Number(found.get('regnum')) : next;
    next = number + 1;
    return { name, bits, number, type: found.get('type') ?? 'int', group: found.get('group') ?? '' };
  });
  if (numbered.length === 0) throw new RspError('the target description names no registers');
  let offset = 0;
  return numbered.sort((a, b) => a.number - b.number).map((row) => {
    const described = { ...row, offset };
    offset += Math.ceil(row.bits / 8);
    return described;
  });
}

/** BFD's name of the architecture, such as `i386:x86-64`. */
export function architectureOf(document: string): string | undefined {
  return /<architecture>\s*([^<\s]+)\s*<\/architecture>/.exec(document)?.[1];
}
