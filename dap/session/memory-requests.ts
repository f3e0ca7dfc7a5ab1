/** Memory and machine code. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { disassemble } from '../disassembly/disassembler.ts';
import type { Debuggee } from './debuggee.ts';
import { RequestError } from './stack-requests.ts';

const LONGEST_INSTRUCTION = 15;
const MOST_BYTES = 1 << 24;
const MOST_INSTRUCTIONS = 4096;

export class MemoryRequests {
  private readonly debuggee: Debuggee;

  constructor(debuggee: Debuggee) {
    this.debuggee = debuggee;
  }

  async read({ memoryReference, offset = 0, count }: DebugProtocol.ReadMemoryArguments): Promise<DebugProtocol.ReadMemoryResponse['body']> {
    const address = parseReference(memoryReference, offset);
    const bytes = await this.debuggee.inspector.memory.get(address, Math.min(Math.max(0, count), MOST_BYTES));
    return { address: `0x${address.toString(16)}`, data: Buffer.from(bytes).toString('base64'), unreadableBytes: count - bytes.length };
  }

  async write({ memoryReference, offset = 0, data }: DebugProtocol.WriteMemoryArguments): Promise<DebugProtocol.WriteMemoryResponse['body']> {
    const bytes = Buffer.from(data, 'base64');
    await this.debuggee.stub.writeMemory(this.debuggee.inspector.thread, parseReference(memoryReference, offset), bytes);
    this.debuggee.inspector.forget();
    return { offset: 0, bytesWritten: bytes.length };
  }

  async disassemble({ memoryReference, offset = 0, instructionOffset = 0, instructionCount }: DebugProtocol.DisassembleArguments): Promise<DebugProtocol.DisassembledInstruction[]> {
    const { inspector } = this.debuggee;
    const address = parseReference(memoryReference, offset);
    const count = Math.min(instructionCount, MOST_INSTRUCTIONS);
    const before = instructionOffset < 0 ? await this.startBefore(address, -instructionOffset) : { start: address, missing: 0 };
    const skip = Math.max(0, instructionOffset);
    const room = (count + skip + Math.max(0, -instructionOffset)) * LONGEST_INSTRUCTION;
    const bytes = await inspector.memory.get(before.start, room);
    const decoded = disassemble(bytes, before.start, inspector.map.wordSize, skip + count);
    const shown = [...Array.from({ length: Math.min(before.missing, count) }, (_, i) => invalid(before.start - BigInt(before.missing - i))), ...decoded.slice(skip).map((each) => this.shown(each))];
    while (shown.length < count) shown.push(invalid(BigInt(shown.at(-1)?.address ?? `0x${address.toString(16)}`) + 1n));
    return shown.slice(0, count);
  }

  private shown({ address, bytes, text, target }: ReturnType<typeof disassemble>[number]): DebugProtocol.DisassembledInstruction {
    const { inspector, sources } = this.debuggee;
    const at = inspector.address(address);
    const file = inspector.fileAt(at);
    const row = file?.info.shownLineAt(at - file.loadOffset);
    const name = target === undefined ? undefined : inspector.symbolAt(target);
    const symbol = inspector.symbolAt(address);
    return {
      address: `0x${address.toString(16)}`, instructionBytes: Buffer.from(bytes).toString('hex').replace(/..(?=.)/g, '$& '), instruction: name === undefined ? text : `${text} <${name}>`,
      ...(symbol === undefined ? {} : { symbol }),
      ...(row === undefined || row.line === 0 ? {} : { location: { name: row.file.split('/').at(-1) ?? '', path: sources.shown(row.file) }, line: row.line }),
      ...(text === '(bad)' ? { presentationHint: 'invalid' as const } : {}),
    };
  }

  /** Where to begin so that `count` instructions lie before an address. A function's start is certain; without one, bytes that come out right. */
  private async startBefore(address: bigint, count: number): Promise<{ start: bigint; missing: number }> {
    const { inspector } = this.debuggee;
    let lowest = address;
    let collected: bigint[] = [];
    while (collected.length < count) {
      const at = inspector.address(lowest - 1n);
      const file = inspector.fileAt(at);
      const symbol = file?.symbols.at(at - file.loadOffset);
      if (file === undefined || symbol === undefined || address - BigInt(symbol.address + file.loadOffset) > BigInt(MOST_BYTES)) break;
      const start = inspector.unsigned(symbol.address + file.loadOffset);
      const bytes = await inspector.memory.get(start, Number(lowest - start));
      if (bytes.length < Number(lowest - start)) break;
      collected = [...disassemble(bytes, start, inspector.map.wordSize).map((each) => each.address), ...collected];
      lowest = start;
    }
    if (collected.length >= count) return { start: collected[collected.length - count], missing: 0 };
    return { start: collected[0] ?? address, missing: count - collected.length };
  }
}

function invalid(address: bigint): DebugProtocol.DisassembledInstruction {
  return { address: `0x${BigInt.asUintN(64, address).toString(16)}`, instruction: '??', presentationHint: 'invalid' };
}

export function parseReference(reference: string, offset = 0): bigint {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(reference)) throw new RequestError(`'${reference}' is not an address`);
  return BigInt.asUintN(64, BigInt(reference) + BigInt(offset));
}
