/**
 * What is left: no-operations, fences, prefetches, instructions the engine completes (CPUID, RDTSC), and privileged
 * ones, which in user mode are #GP(0). RDTSCP and XGETBV do not exist here, as CPUID says.
 */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Exit, Vector } from '../exits.ts';
import { Flag } from '../flags.ts';
import { toI32 } from './integer-bits.ts';

const nothing: Semantic = () => {};

const privileged: Semantic = (e) => e.raise(Vector.generalProtection, 0);

const invalid: Semantic = (e) => e.raise(Vector.invalidOpcode, 0);

const cpuid: Semantic = (e) => e.exit(Exit.cpuid);

const readTimeStamp: Semantic = (e) => e.exit(Exit.rdtsc);

/** BOUND: #BR unless the signed index lies within the two bounds in memory. */
const bound: Semantic = (e) => {
  const { f } = e;
  const size = e.operandSize === 2 ? 2 : 4;
  const load = size === 2 ? 'i32Load16S' : 'i32Load';
  const index = e.keep(size === 2 ? f.i32.extend16S(toI32(f, e.read(0))) : toI32(f, e.read(0)));
  const address = e.linearAddress(1, 2 * size);
  const upperAddress = e.keep(f.i64.add(f.get(address), f.i64.const(size)));
  e.raiseIf(f.i32.gtS(e.loadAt(load, address), f.get(index)), Vector.bound, 0);
  e.raiseIf(f.i32.ltS(e.loadAt(load, upperAddress), f.get(index)), Vector.bound, 0);
};

/** ARPL: raises the selector's privilege level to the source's, ZF says whether it had to. */
const adjustPrivilegeLevel: Semantic = (e) => {
  const { f } = e;
  const selector = e.keep(toI32(f, e.read(0)));
  const level = e.keep(f.i32.and(toI32(f, e.read(1)), f.i32.const(3)));
  const raised = e.keep(f.i32.ltU(f.i32.and(f.get(selector), f.i32.const(3)), f.get(level)));
  e.when(f.get(raised), () => e.write(0, f.i32.or(f.i32.and(f.get(selector), f.i32.const(0xfffc)), f.get(level))));
  e.setAllFlags(f.i32.or(f.i32.and(e.arithmeticFlags(), f.i32.const(~Flag.zf)), f.i32.mul(f.get(raised), f.i32.const(Flag.zf))));
};

/** NOP space with a ModRM byte: prefetches (0F 18), hint NOPs, ENDBR, and NOP itself (0F 1F). */
const hintRows: FormRow[] = [0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f].map((byte) => ['NOP', `0F ${byte.toString(16).toUpperCase()} /r`, 'Ev', nothing]);

export const systemRows: readonly FormRow[] = [
  ['NOP', '90', '', nothing],
  ['PAUSE', 'F3 90', '', nothing],
  ...hintRows,
  ['PREFETCHW', '0F 0D /r', 'Ev', nothing],
  ['LFENCE', 'NP 0F AE /5', 'Rd', nothing],
  ['MFENCE', 'NP 0F AE /6', 'Rd', nothing],
  ['SFENCE', 'NP 0F AE /7', 'Rd', nothing],
  ['CLFLUSH', 'NP 0F AE /7', 'Mb', (e) => e.f.drop(e.read(0))],
  ['CPUID', '0F A2', '', cpuid, 'end alone'],
  ['RDTSC', '0F 31', '', readTimeStamp, 'end alone'],
  ['BOUND', '62 /r', 'Gz M', bound, 'i64'],
  ['ARPL', '63 /r', 'Ew Gw', adjustPrivilegeLevel, 'i64'],
  ['HLT', 'F4', '', privileged, 'end alone'],
  ['CLI', 'FA', '', privileged, 'end alone'],
  ['STI', 'FB', '', privileged, 'end alone'],
  ['IN', 'E4 ib', 'AL Ib', privileged, 'end alone'],
  ['IN', 'E5 ib', 'eAX Ib', privileged, 'end alone'],
  ['IN', 'EC', 'AL DX', privileged, 'end alone'],
  ['IN', 'ED', 'eAX DX', privileged, 'end alone'],
  ['OUT', 'E6 ib', 'Ib AL', privileged, 'end alone'],
  ['OUT', 'E7 ib', 'Ib eAX', privileged, 'end alone'],
  ['OUT', 'EE', 'DX AL', privileged, 'end alone'],
  ['OUT', 'EF', 'DX eAX', privileged, 'end alone'],
  ['INS', '6C', '', privileged, 'end alone'],
  ['INS', '6D', '', privileged, 'end alone'],
  ['OUTS', '6E', '', privileged, 'end alone'],
  ['OUTS', '6F', '', privileged, 'end alone'],
  // Not privileged by themselves, but CPUs with UMIP make them so, and Linux turns that on.
  ['SLDT', '0F 00 /0', 'Rv/Mw', privileged, 'end alone'],
  ['STR', '0F 00 /1', 'Rv/Mw', privileged, 'end alone'],
  ['SGDT', '0F 01 /0', 'M', privileged, 'end alone'],
  ['SIDT', '0F 01 /1', 'M', privileged, 'end alone'],
  ['SMSW', '0F 01 /4', 'Rv/Mw', privileged, 'end alone'],
  ['LLDT', '0F 00 /2', 'Ew', privileged, 'end alone'],
  ['LTR', '0F 00 /3', 'Ew', privileged, 'end alone'],
  ['LGDT', '0F 01 /2', 'M', privileged, 'end alone'],
  ['LIDT', '0F 01 /3', 'M', privileged, 'end alone'],
  ['LMSW', '0F 01 /6', 'Ew', privileged, 'end alone'],
  ['INVLPG', '0F 01 /7', 'M', privileged, 'end alone'],
  ['SWAPGS', '0F 01 F8', '', privileged, 'o64 end alone'],
  ['CLTS', '0F 06', '', privileged, 'end alone'],
  ['SYSRET', '0F 07', '', privileged, 'o64 end alone'],
  ['INVD', '0F 08', '', privileged, 'end alone'],
  ['WBINVD', '0F 09', '', privileged, 'end alone'],
  ['MOV', '0F 20 /r', 'Rv', privileged, 'f64 end alone'],
  ['MOV', '0F 21 /r', 'Rv', privileged, 'f64 end alone'],
  ['MOV', '0F 22 /r', 'Rv', privileged, 'f64 end alone'],
  ['MOV', '0F 23 /r', 'Rv', privileged, 'f64 end alone'],
  ['WRMSR', '0F 30', '', privileged, 'end alone'],
  ['RDMSR', '0F 32', '', privileged, 'end alone'],
  ['RDPMC', '0F 33', '', privileged, 'end alone'],
  ['SYSEXIT', '0F 35', '', privileged, 'end alone'],
  ['RSM', '0F AA', '', invalid, 'end alone'],
];
