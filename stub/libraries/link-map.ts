/**
 * What the dynamic linker of a process has loaded: the chain of link maps its executable's DT_DEBUG leads to (System V ABI, chapter 5; glibc's
 * link.h). Empty for static programs, and before the linker has filled it in.
 */

export interface LoadedLibrary {
  readonly path: string;
  /** Address of its struct link_map. */
  readonly map: bigint;
  /** What was added to the addresses in its file. */
  readonly base: bigint;
  /** Address of its dynamic section. */
  readonly dynamic: bigint;
}

export interface LinkMap {
  /** Address of the linker's struct r_debug, by which gdb tells namespaces apart. */
  readonly namespace: bigint;
  /** Address of the executable's own struct link_map. */
  readonly main: bigint;
  readonly libraries: readonly LoadedLibrary[];
}

/** As many bytes as can be read, up to `length`. */
export type ProcessMemory = (address: bigint, length: number) => Uint8Array;

const AT_PHDR = 3n;
const AT_PHNUM = 5n;
const PHDR_BYTES = { 4: 32n, 8: 56n } as const;
const PT_DYNAMIC = 2;
const PT_PHDR = 6;
const DT_DEBUG = 21n;
/** More would be a chain without an end. */
const MOST = 4096;
const LONGEST_PATH = 4096;

type WordSize = 4 | 8;

function split(bytes: Uint8Array, wordSize: WordSize): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / wordSize) }, (_, i) => (wordSize === 8 ? view.getBigUint64(i * 8, true) : BigInt(view.getUint32(i * 4, true))));
}

function words(memory: ProcessMemory, wordSize: WordSize, address: bigint, count: number): bigint[] | undefined {
  const bytes = memory(address, count * wordSize);
  return bytes.length < count * wordSize ? undefined : split(bytes, wordSize);
}

function pathAt(memory: ProcessMemory, address: bigint): string {
  let path = '';
  // By small pieces: the string may end just before memory does.
  while (path.length < LONGEST_PATH) {
    const bytes = memory(address + BigInt(path.length), 64 - Number((address + BigInt(path.length)) % 64n));
    const end = bytes.indexOf(0);
    path += Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
    if (end >= 0 || bytes.length === 0) break;
  }
  return Buffer.from(path, 'latin1').toString();
}

/** Address of the dynamic section of the executable, and what was added to its addresses. */
function dynamicSection(memory: ProcessMemory, wordSize: WordSize, auxv: ReadonlyMap<bigint, bigint>): bigint | undefined {
  const headers = auxv.get(AT_PHDR);
  let dynamic: bigint | undefined;
  let base = 0n;
  for (let i = 0n; headers !== undefined && i < (auxv.get(AT_PHNUM) ?? 0n) && i < 256n; i++) {
    const header = words(memory, wordSize, headers + i * PHDR_BYTES[wordSize], 3);
    if (header === undefined) return undefined;
    const type = Number(header[0] & 0xffff_ffffn);
    if (type === PT_PHDR) base = headers - header[2];
    if (type === PT_DYNAMIC) dynamic = header[2];
  }
  return dynamic === undefined ? undefined : dynamic + base;
}

/** Undefined: there is none (yet). `auxv`: the process's auxiliary vector. */
export function readLinkMap(memory: ProcessMemory, wordSize: WordSize, auxv: Uint8Array): LinkMap | undefined {
  const numbers = split(auxv, wordSize);
  const entries = new Map(numbers.flatMap((key, i) => (i % 2 === 0 && i + 1 < numbers.length ? [[key, numbers[i + 1]] as const] : [])));
  const section = dynamicSection(memory, wordSize, entries);
  if (section === undefined) return undefined;
  let debug = 0n;
  for (let at = section; ; at += 2n * BigInt(wordSize)) {
    const entry = words(memory, wordSize, at, 2);
    if (entry === undefined || entry[0] === 0n) break;
    if (entry[0] === DT_DEBUG) debug = entry[1];
  }
  // struct r_debug: version, the first map.
  const main = debug === 0n ? undefined : words(memory, wordSize, debug, 2)?.[1];
  if (main === undefined || main === 0n) return undefined;
  const libraries: LoadedLibrary[] = [];
  let next = words(memory, wordSize, main, 4)?.[3] ?? 0n;
  while (next !== 0n && libraries.length < MOST) {
    // struct link_map: base, name, dynamic section, next.
    const map = words(memory, wordSize, next, 4);
    if (map === undefined) break;
    const [base, name, dynamic] = map;
    const path = pathAt(memory, name);
    // The vDSO has a name but no file.
    if (path.startsWith('/')) libraries.push({ path, map: next, base, dynamic });
    next = map[3];
  }
  return { namespace: debug, main, libraries };
}
