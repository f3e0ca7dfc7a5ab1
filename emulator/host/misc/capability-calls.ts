/** capget and capset (include/uapi/linux/capability.h). */
import { Errno } from '../errno.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';

const VERSION_1 = 0x19980330;
const VERSION_2 = 0x20071026;
const VERSION_3 = 0x20080522;
/** How many groups of 32 capabilities each version has. */
const WORDS: ReadonlyMap<number, number> = new Map([[VERSION_1, 1], [VERSION_2, 2], [VERSION_3, 2]]);
/** struct __user_cap_data_struct: effective, permitted, inheritable. */
const DATA_BYTES = 12;

/** Reads the header { version, pid }; an unknown version is answered with the one we prefer. */
function readHeader(call: SyscallCall): { readonly words: number; readonly pid: number } | number {
  const { space } = call.thread;
  const [header, data] = call.args;
  const version = space.readU32(header);
  const pid = space.readU32(header + 4);
  if (version === undefined || pid === undefined) return -Errno.EFAULT;
  const words = WORDS.get(version);
  if (words !== undefined) return { words, pid: pid | 0 };
  if (!space.writeU32(header, VERSION_3)) return -Errno.EFAULT;
  return data === 0 ? 0 : -Errno.EINVAL;
}

function capget(call: SyscallCall): SyscallResult {
  const { thread } = call;
  const header = readHeader(call);
  if (typeof header === 'number') return header;
  if (header.pid < 0) return -Errno.EINVAL;
  const process = header.pid === 0 ? thread.process : thread.kernel.threads.get(header.pid)?.process;
  if (process === undefined) return -Errno.ESRCH;
  const [, address] = call.args;
  if (address === 0) return 0;
  const { effective, permitted, inheritable } = process.credentials;
  const out = new DataView(new ArrayBuffer(header.words * DATA_BYTES));
  for (let word = 0; word < header.words; word++) {
    [effective, permitted, inheritable].forEach((set, i) => out.setUint32(word * DATA_BYTES + i * 4, Number((set >> BigInt(word * 32)) & 0xffffffffn), true));
  }
  return thread.space.write(address, new Uint8Array(out.buffer)) ? 0 : -Errno.EFAULT;
}

function capset(call: SyscallCall): SyscallResult {
  const { thread } = call;
  const { process, space } = thread;
  const header = readHeader(call);
  if (typeof header === 'number') return header;
  if (header.pid !== 0 && header.pid !== thread.tid) return -Errno.EPERM;
  const bytes = space.read(call.args[1], header.words * DATA_BYTES);
  if (bytes === undefined) return -Errno.EFAULT;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sets = [0n, 0n, 0n];
  for (let word = 0; word < header.words; word++) {
    for (let i = 0; i < 3; i++) sets[i] |= BigInt(view.getUint32(word * DATA_BYTES + i * 4, true)) << BigInt(word * 32);
  }
  const [effective, permitted, inheritable] = sets;
  const old = process.credentials;
  if ((permitted & ~old.permitted) !== 0n || (effective & ~permitted) !== 0n || (inheritable & ~(old.inheritable | old.permitted)) !== 0n) return -Errno.EPERM;
  process.credentials = { ...old, effective, permitted, inheritable };
  return 0;
}

export const capabilitySyscalls: readonly SyscallRow[] = [
  { name: 'capget', args: ['ptr', 'ptr'], handler: capget },
  { name: 'capset', args: ['ptr', 'ptr'], handler: capset },
];
