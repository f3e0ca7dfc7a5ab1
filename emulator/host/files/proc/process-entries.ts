/** /proc/<pid> and /proc/<pid>/task/<tid>. */
import { Errno } from '../../errno.ts';
import type { Thread } from '../../process/thread.ts';
import { byteString } from '../arguments.ts';
import { Dentry } from '../dentry.ts';
import type { OpenFile } from '../open-file.ts';
import { mountinfoText, mountsText } from './mount-text.ts';
import { ProcMemoryFile } from './memory-file.ts';
import { fixedTable, textFile, type ProcContext, type ProcDirectoryTable, type ProcEntry } from './proc-file-system.ts';
import { limitsText, mapsLine, statmText, statText, statusText } from './process-text.ts';

const COMM_MAX = 15;

/** The thread an entry is about, undefined when it has no memory and files any more. */
function alive({ subject }: ProcContext): Thread | undefined {
  return subject === undefined || subject.state.kind === 'dead' ? undefined : subject;
}

/** A text about a thread that exists, dead or not. */
function about(text: (thread: Thread) => string | Uint8Array, mode = 0o444): ProcEntry {
  return textFile(({ subject }) => (subject === undefined ? -Errno.ESRCH : text(subject)), mode);
}

/** A text about a thread's memory; empty once it is gone. */
function ofMemory(text: (thread: Thread) => string | Uint8Array, mode = 0o444): ProcEntry {
  return textFile((context) => {
    const thread = alive(context);
    return thread === undefined ? '' : text(thread);
  }, mode);
}

function range(start: (thread: Thread) => number, end: (thread: Thread) => number, mode: number): ProcEntry {
  return ofMemory((thread) => thread.space.peek(start(thread), end(thread) - start(thread)) ?? new Uint8Array(0), mode);
}

function placeLink(place: (thread: Thread) => Dentry | undefined): ProcEntry {
  const find = (context: ProcContext): Dentry | number => {
    const thread = alive(context);
    return (thread === undefined ? undefined : place(thread)) ?? -Errno.ENOENT;
  };
  return {
    kind: 'link',
    target: (context, reader) => {
      const dentry = find(context);
      return typeof dentry === 'number' ? dentry : visiblePath(dentry, reader);
    },
    follow: find,
  };
}

/** A path as `reader` sees it, from its own root. */
function visiblePath(dentry: Dentry, reader: Thread): string {
  const path = dentry.deleted ? undefined : dentry.pathFrom(reader.fs.root);
  return path ?? dentry.path;
}

/** The place following /proc/<pid>/fd/<n> leads to: the file's own, or a nameless one nothing can be opened at. */
function placeOf(context: ProcContext, file: OpenFile): Dentry {
  return file.dentry ?? new Dentry(undefined, file.description, context.kernel.vfs.anonymousInode);
}

function descriptorTable(entry: (fd: number, file: OpenFile, thread: Thread) => ProcEntry): ProcDirectoryTable {
  return {
    names: (context) => alive(context)?.descriptors.open().map(String) ?? [],
    find: (context, name) => {
      const thread = alive(context);
      if (thread === undefined || !/^(0|[1-9]\d*)$/.test(name)) return undefined;
      const file = thread.descriptors.get(Number(name));
      return file === undefined ? undefined : { entry: entry(Number(name), file, thread), context };
    },
  };
}

const ACCESS_MODES = [0o500, 0o300, 0o700, 0o700] as const;

const descriptors = descriptorTable((fd, _file, thread) => ({
  kind: 'link',
  mode: ACCESS_MODES[(thread.descriptors.get(fd)?.flags ?? 0) & 3],
  target: (context, reader) => {
    const file = alive(context)?.descriptors.get(fd);
    if (file === undefined) return -Errno.ENOENT;
    return file.dentry === undefined ? file.description : visiblePath(file.dentry, reader);
  },
  follow: (context) => {
    const file = alive(context)?.descriptors.get(fd);
    return file === undefined ? -Errno.ENOENT : placeOf(context, file);
  },
}));

const descriptorInfo = descriptorTable((fd) => textFile((context) => {
  const thread = alive(context);
  const file = thread?.descriptors.get(fd);
  if (thread === undefined || file === undefined) return -Errno.ENOENT;
  const flags = file.flags | (thread.descriptors.isCloseOnExec(fd) ? 0o2000000 : 0);
  const inode = file.dentry?.inode ?? context.kernel.vfs.anonymousInode;
  return `pos:\t${file.position}\nflags:\t0${flags.toString(8)}\nmnt_id:\t${inode.fileSystem.device}\nino:\t${inode.number}\n${file.extraInfo}`;
}));

const threads: ProcDirectoryTable = {
  names: ({ subject }) => (subject === undefined ? [] : [...subject.process.threads].map((thread) => String(thread.tid))),
  find: (context, name) => {
    const { subject, kernel } = context;
    if (subject === undefined) return undefined;
    const thread = kernel.threads.get(Number(name));
    if (thread === undefined || String(thread.tid) !== name || thread.process !== subject.process) return undefined;
    return { entry: { kind: 'directory', entries: threadTable }, context: { kernel, subject: thread } };
  },
};

/** Sets a thread's name as writing to comm does. */
function writeComm({ subject }: ProcContext, bytes: Uint8Array): number {
  if (subject === undefined) return -Errno.ESRCH;
  subject.name = byteString(bytes).split('\n')[0].slice(0, COMM_MAX);
  return bytes.length;
}

const common: Readonly<Record<string, ProcEntry>> = {
  fd: { kind: 'directory', mode: 0o500, entries: descriptors },
  fdinfo: { kind: 'directory', entries: descriptorInfo },
  auxv: ofMemory((thread) => thread.space.auxv, 0o400),
  cgroup: textFile(() => '0::/\n'),
  cmdline: range((thread) => thread.space.argumentsStart, (thread) => thread.space.argumentsEnd, 0o444),
  comm: { kind: 'file', mode: 0o644, read: ({ subject }) => (subject === undefined ? -Errno.ESRCH : `${subject.name}\n`), write: writeComm },
  cwd: placeLink((thread) => thread.fs.cwd),
  environ: range((thread) => thread.space.environmentStart, (thread) => thread.space.environmentEnd, 0o400),
  exe: placeLink((thread) => thread.process.executableFile?.dentry),
  gid_map: textFile(() => '         0          0 4294967295\n'),
  limits: about((thread) => limitsText(thread.process)),
  maps: ofMemory((thread) => thread.space.regions().map(mapsLine).join('')),
  mem: {
    kind: 'special', mode: 0o600,
    open: (context, dentry, flags) => {
      const thread = alive(context);
      return thread === undefined ? -Errno.ESRCH : new ProcMemoryFile(thread.space, dentry, flags);
    },
  },
  mountinfo: textFile(({ kernel, subject }) => mountinfoText(kernel.vfs, subject)),
  mounts: textFile(({ kernel, subject }) => mountsText(kernel.vfs, subject)),
  oom_score: textFile(() => '0\n'),
  oom_score_adj: { kind: 'file', mode: 0o644, read: () => '0\n', write: (_context, bytes) => bytes.length },
  personality: about((thread) => `${thread.personality.toString(16).padStart(8, '0')}\n`, 0o400),
  root: placeLink((thread) => thread.fs.root),
  stat: about((thread) => statText(thread, thread.isLeader)),
  statm: about(statmText),
  status: about(statusText),
  uid_map: textFile(() => '         0          0 4294967295\n'),
  wchan: textFile(() => '0'),
};

const threadTable = fixedTable(common);

/** The entries of /proc/<pid>. */
export const processTable = fixedTable({ ...common, task: { kind: 'directory', entries: threads } });
