/**
 * Finds out whether the debuggee is a kernel and opens its debug information, when somebody asks for the first time and
 * again after an exec. Answers are the same for as long as the program is.
 */
import { DwarfError } from '../../emulator/image/dwarf/dwarf-error.ts';
import { ElfError, type ElfFile } from '../../emulator/image/elf.ts';
import type { Target } from '../target.ts';
import type { GuestMemory } from './guest-object.ts';
import { KernelImage } from './kernel-image.ts';
import { KernelView } from './kernel-view.ts';

const AT_NULL = 0n;
const AT_ENTRY = 9n;
const AUXV_ENTRY_BYTES = 16;
/** The variable by which a kernel is known. */
const MARK = 'init_task';

/** What is asked of a target. */
export type Debuggee = Pick<Target, 'executable' | 'openFile' | 'auxv' | 'readMemory' | 'threads'>;

type Found = { readonly kernel: KernelView; readonly reason: undefined } | { readonly kernel: undefined; readonly reason: string | undefined };

/** A value of an auxiliary vector of 64-bit entries. */
export function auxiliaryValue(auxv: Uint8Array, key: bigint): bigint | undefined {
  const view = new DataView(auxv.buffer, auxv.byteOffset, auxv.byteLength);
  for (let at = 0; at + AUXV_ENTRY_BYTES <= auxv.length; at += AUXV_ENTRY_BYTES) {
    const found = view.getBigUint64(at, true);
    if (found === key) return view.getBigUint64(at + 8, true);
    if (found === AT_NULL) break;
  }
  return undefined;
}

export class DebuggeeKernel {
  private readonly target: Debuggee;
  /** Whether it is a kernel by what the user said (`skas boot`): then its lack of debug information is worth a word. */
  private readonly expected: boolean;
  private readonly separate: ((elf: ElfFile) => ElfFile | undefined) | undefined;
  private known: { readonly key: string; readonly found: Found } | undefined;

  /** @param separate finds the file that debug information was split off into */
  constructor(target: Debuggee, expected: boolean, separate?: (elf: ElfFile) => ElfFile | undefined) {
    this.target = target;
    this.expected = expected;
    this.separate = separate;
  }

  /** Undefined: not a kernel, or one that says nothing about itself; see {@link reason}. */
  get kernel(): KernelView | undefined {
    return this.found.kernel;
  }

  /** Why there is no {@link kernel}, for the user; undefined when that needs no explanation (an ordinary program). */
  get reason(): string | undefined {
    return this.found.reason;
  }

  private get found(): Found {
    const [thread] = this.target.threads();
    if (thread === undefined) return { kernel: undefined, reason: 'the kernel has ended' };
    const { executable } = this.target;
    const entry = auxiliaryValue(this.target.auxv(thread.tid), AT_ENTRY);
    const key = `${thread.pid} ${entry} ${executable}`;
    if (this.known?.key !== key) this.known = { key, found: this.open(executable, entry === undefined ? undefined : Number(entry)) };
    return this.known.found;
  }

  private open(path: string, entry: number | undefined): Found {
    const without = (reason: string): Found => ({ kernel: undefined, reason: this.expected ? reason : undefined });
    const bytes = this.target.openFile(path);
    if (bytes === undefined) return without(`${path} cannot be read`);
    try {
      const image = new KernelImage(bytes, path, entry, this.separate);
      const hint = 'UML\'s tasks are shown as one thread (a kernel built with CONFIG_DEBUG_INFO has it)';
      // Without a symbol table the debug information has to answer; with one, ordinary programs are told apart at once.
      if (image.hasSymbols && image.symbol(MARK) === undefined) return without(`${path} has no ${MARK}: it is not a kernel`);
      if (!image.hasTypes) return without(`${path} has no debug information: ${hint}`);
      if (image.variable(MARK) === undefined) return without(`the debug information of ${path} does not know ${MARK}: ${hint}`);
      return { kernel: new KernelView(image, this.memory), reason: undefined };
    } catch (error) {
      if (error instanceof DwarfError || error instanceof ElfError) return without(`the debug information of ${path} cannot be read: ${error.message}`);
      throw error;
    }
  }

  /** A thread whose memory it is, as long as it lives. */
  private reader = 0;

  /** Memory of the kernel's address space, which all its threads have. */
  private readonly memory: GuestMemory = (address, length) => {
    if (address < 0) return undefined;
    let bytes = this.target.readMemory(this.reader, BigInt(address), length);
    if (bytes.length !== length) {
      const [thread] = this.target.threads();
      if (thread === undefined || thread.tid === this.reader) return undefined;
      this.reader = thread.tid;
      bytes = this.target.readMemory(this.reader, BigInt(address), length);
    }
    return bytes.length === length ? bytes : undefined;
  };
}
