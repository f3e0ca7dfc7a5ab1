/** execve and execveat: reading their arguments. */
import { Errno } from '../errno.ts';
import { directoryArgument, pathArgument } from '../files/arguments.ts';
import { At } from '../files/open-flags.ts';
import { Resource } from '../misc/limits.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import { execute } from './exec.ts';

/** Longest single argument: 32 pages. */
const MAX_ARGUMENT = 131072;
const MIN_ARGUMENT_SPACE = 131072;
const MAX_ARGUMENT_SPACE = 6 * 1024 * 1024;
const ExecFlag = { emptyPath: 0x1000, noFollow: 0x100 } as const;

/** A NULL-terminated array of strings; -errno. A NULL array is an empty one. */
function stringArray(call: SyscallCall, address: number): Uint8Array[] | number {
  const strings: Uint8Array[] = [];
  if (address === 0) return strings;
  const { space } = call.thread;
  for (let at = address; ; at += call.wordSize) {
    const pointer = space.readWord(at, call.wordSize);
    if (pointer === undefined) return -Errno.EFAULT;
    if (pointer === 0) return strings;
    const text = space.readStringBytes(pointer, MAX_ARGUMENT);
    if (text === undefined) return -Errno.EFAULT;
    if (text.length >= MAX_ARGUMENT) return -Errno.E2BIG;
    strings.push(text);
  }
}

function exec(call: SyscallCall, directory: number | undefined, pathIndex: number, flags: number): SyscallResult {
  const { thread } = call;
  const path = pathArgument(call, pathIndex, (flags & ExecFlag.emptyPath) !== 0);
  if (typeof path === 'number') return path;
  const argv = stringArray(call, call.args[pathIndex + 1]);
  if (typeof argv === 'number') return argv;
  const envp = stringArray(call, call.args[pathIndex + 2]);
  if (typeof envp === 'number') return envp;
  const total = [...argv, ...envp].reduce((sum, { length }) => sum + length + 1 + call.wordSize, 0);
  const room = Math.min(Math.max(thread.process.limits.soft(Resource.STACK) / 4, MIN_ARGUMENT_SPACE), MAX_ARGUMENT_SPACE);
  if (total > room) return -Errno.E2BIG;
  const strings = { argv: argv.length === 0 ? [new Uint8Array(0)] : argv, envp };
  if (directory === undefined) return execute(thread, { path, ...strings });
  if (path === '') {
    const file = thread.descriptors.get(call.int(directory));
    if (file === undefined) return -Errno.EBADF;
    if (file.dentry === undefined) return -Errno.EACCES;
    return execute(thread, { path: `/dev/fd/${call.int(directory)}`, file: file.dentry, ...strings });
  }
  const base = directoryArgument(call, directory, path);
  if (typeof base === 'number') return base;
  const isBelow = call.int(directory) !== At.fdcwd && !path.startsWith('/');
  return execute(thread, { path: isBelow ? `/dev/fd/${call.int(directory)}/${path}` : path, lookup: path, base, ...strings });
}

export const execSyscalls: readonly SyscallRow[] = [
  { name: 'execve', args: ['path', 'ptr', 'ptr'], handler: (call) => exec(call, undefined, 0, 0) },
  { name: 'execveat', args: ['dirfd', 'path', 'ptr', 'ptr', 'hex'], handler: (call) => exec(call, 0, 1, call.int(4)) },
];
