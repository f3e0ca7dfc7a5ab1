/** Processes the machine itself starts: the first one, usually the kernel that is to be debugged. */
import { Errno } from '../errno.ts';
import { byteString } from '../files/arguments.ts';
import { DescriptorTable } from '../files/descriptor-table.ts';
import { FsState } from '../files/fs-state.ts';
import type { OpenFile } from '../files/open-file.ts';
import { MachineSetupError } from '../files/setup-error.ts';
import type { Kernel } from '../kernel.ts';
import { userCredentials } from '../misc/credentials.ts';
import { Limits, Resource } from '../misc/limits.ts';
import { execute } from './exec.ts';
import { Process } from './process.ts';
import { Session } from './session.ts';
import { ThreadContext } from './thread-context.ts';
import { Thread } from './thread.ts';
import { exitThread } from './exit.ts';
import { layout64 } from './program.ts';

export interface SpawnOptions {
  /** Working directory in the guest; default: `/`. */
  readonly cwd?: string;
  /** Open files for descriptors 0, 1, 2 …; the process takes over one reference of each. */
  readonly stdio?: readonly OpenFile[];
}

const ERROR_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(Errno).map(([name, number]) => [number, name]));

export function spawnProcess(kernel: Kernel, path: string, argv: readonly string[], envp: readonly string[], options: SpawnOptions): Process {
  const pid = kernel.nextId();
  const slot = kernel.contexts.take();
  const limits = new Limits();
  const space = kernel.spaces.create(layout64(limits.soft(Resource.STACK)), { stack: Infinity, addressSpace: Infinity, data: Infinity });
  if (pid === 0 || slot === 0 || space === undefined) throw new MachineSetupError(`${path}: no room for a process`);
  const process = new Process(kernel, pid, {
    parent: undefined, maker: undefined, group: pid, session: new Session(pid), limits, credentials: userCredentials(kernel.options.uid, kernel.options.gid), exitSignal: 0,
  });
  const root = kernel.vfs.root.top();
  const fs = new FsState(root, root);
  const descriptors = new DescriptorTable(limits.soft(Resource.NOFILE));
  options.stdio?.forEach((file, fd) => descriptors.replace(fd, file, false));
  const thread = new Thread(kernel, { tid: pid, process, context: new ThreadContext(kernel.linear, slot), space, descriptors, fs });
  process.leader = thread;
  process.threads.add(thread);
  kernel.processes.set(pid, process);
  kernel.threads.set(pid, thread);
  kernel.countLive(1);
  const failed = start(thread, path, argv, envp, options.cwd);
  if (failed !== undefined) {
    exitThread(thread, 0);
    throw new MachineSetupError(failed);
  }
  kernel.scheduler.enqueue(thread);
  return process;
}

/** What went wrong, if something did. */
function start(thread: Thread, path: string, argv: readonly string[], envp: readonly string[], cwd: string | undefined): string | undefined {
  const encoder = new TextEncoder();
  if (cwd !== undefined) {
    const directory = thread.kernel.vfs.resolve(thread, byteString(encoder.encode(cwd)), { follow: true });
    if (typeof directory === 'number') return `${cwd}: ${ERROR_NAMES.get(-directory) ?? directory}`;
    thread.fs.cwd = directory;
  }
  const result = execute(thread, { path: byteString(encoder.encode(path)), argv: argv.map((text) => encoder.encode(text)), envp: envp.map((text) => encoder.encode(text)) });
  return result < 0 ? `${path}: ${ERROR_NAMES.get(-result) ?? result}${result === -Errno.ENOEXEC ? ' (not a program for x86-64)' : ''}` : undefined;
}
