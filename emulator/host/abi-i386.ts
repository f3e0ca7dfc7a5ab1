/**
 * The i386 system call table (arch/x86/entry/syscalls/syscall_32.tbl): its numbers and names, joined with the handlers of the families. Most
 * calls are the x86-64 ones, which look at the call's word size where structures differ; here is what differs in how arguments are handed over.
 */
import { fileSyscalls, fileSyscalls32 } from './files/file-syscalls.ts';
import { memorySyscalls, memorySyscalls32 } from './memory/memory-syscalls.ts';
import { miscSyscalls, miscSyscalls32 } from './misc/misc-syscalls.ts';
import { processSyscalls, processSyscalls32 } from './process/process-syscalls.ts';
import { ptraceSyscalls } from './ptrace/ptrace-call.ts';
import { signalSyscalls, signalSyscalls32 } from './signals/signal-syscalls.ts';
import { Errno } from './errno.ts';
import type { AbiRow, ArgumentWord, SyscallRow } from './syscall.ts';
import { COMMON_NAMES, COMMON_START, joinTable, numberNames } from './syscall-table.ts';
import { timeSyscalls, timeSyscalls32 } from './time/time-syscalls.ts';

/** Names from number 0 on, ten to a line; `-`: not used. */
const FROM_0 = `
  restart_syscall exit fork read write open close waitpid creat link
  unlink execve chdir time mknod chmod lchown break oldstat lseek
  getpid mount umount setuid getuid stime ptrace alarm oldfstat pause
  utime stty gtty access nice ftime sync kill rename mkdir
  rmdir dup pipe times prof brk setgid getgid signal geteuid
  getegid acct umount2 lock ioctl fcntl mpx setpgid ulimit oldolduname
  umask chroot ustat dup2 getppid getpgrp setsid sigaction sgetmask ssetmask
  setreuid setregid sigsuspend sigpending sethostname setrlimit getrlimit getrusage gettimeofday settimeofday
  getgroups setgroups select symlink oldlstat readlink uselib swapon reboot readdir
  mmap munmap truncate ftruncate fchmod fchown getpriority setpriority profil statfs
  fstatfs ioperm socketcall syslog setitimer getitimer stat lstat fstat olduname
  iopl vhangup idle vm86old wait4 swapoff sysinfo ipc fsync sigreturn
  clone setdomainname uname modify_ldt adjtimex mprotect sigprocmask create_module init_module delete_module
  get_kernel_syms quotactl getpgid fchdir bdflush sysfs personality afs_syscall setfsuid setfsgid
  _llseek getdents _newselect flock msync readv writev getsid fdatasync _sysctl
  mlock munlock mlockall munlockall sched_setparam sched_getparam sched_setscheduler sched_getscheduler sched_yield sched_get_priority_max
  sched_get_priority_min sched_rr_get_interval nanosleep mremap setresuid getresuid vm86 query_module poll nfsservctl
  setresgid getresgid prctl rt_sigreturn rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend
  pread64 pwrite64 chown getcwd capget capset sigaltstack sendfile getpmsg putpmsg
  vfork ugetrlimit mmap2 truncate64 ftruncate64 stat64 lstat64 fstat64 lchown32 getuid32
  getgid32 geteuid32 getegid32 setreuid32 setregid32 getgroups32 setgroups32 fchown32 setresuid32 getresuid32
  setresgid32 getresgid32 chown32 setuid32 setgid32 setfsuid32 setfsgid32 pivot_root mincore madvise
  getdents64 fcntl64 - - gettid readahead setxattr lsetxattr fsetxattr getxattr
  lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr tkill sendfile64
  futex sched_setaffinity sched_getaffinity set_thread_area get_thread_area io_setup io_destroy io_getevents io_submit io_cancel
  fadvise64 - exit_group lookup_dcookie epoll_create epoll_ctl epoll_wait remap_file_pages set_tid_address timer_create
  timer_settime timer_gettime timer_getoverrun timer_delete clock_settime clock_gettime clock_getres clock_nanosleep statfs64 fstatfs64
  tgkill utimes fadvise64_64 vserver mbind get_mempolicy set_mempolicy mq_open mq_unlink mq_timedsend
  mq_timedreceive mq_notify mq_getsetattr kexec_load waitid - add_key request_key keyctl ioprio_set
  ioprio_get inotify_init inotify_add_watch inotify_rm_watch migrate_pages openat mkdirat mknodat fchownat futimesat
  fstatat64 unlinkat renameat linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll
  unshare set_robust_list get_robust_list splice sync_file_range tee vmsplice move_pages getcpu epoll_pwait
  utimensat signalfd timerfd_create eventfd fallocate timerfd_settime timerfd_gettime signalfd4 eventfd2 epoll_create1
  dup3 pipe2 inotify_init1 preadv pwritev rt_tgsigqueueinfo perf_event_open recvmmsg fanotify_init fanotify_mark
  prlimit64 name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg setns process_vm_readv process_vm_writev kcmp
  finit_module sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create bpf execveat socket
  socketpair bind connect listen accept4 getsockopt setsockopt getsockname getpeername sendto
  sendmsg recvfrom recvmsg shutdown userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2
  pkey_mprotect pkey_alloc pkey_free statx arch_prctl io_pgetevents rseq
`;
/** What was multiplexed by ipc, and the calls with 64-bit times. */
const FROM_393 = `
  semget semctl shmget shmctl shmat shmdt msgget msgsnd msgrcv msgctl
  clock_gettime64 clock_settime64 clock_adjtime64 clock_getres_time64 clock_nanosleep_time64 timer_gettime64 timer_settime64 timerfd_gettime64 timerfd_settime64 utimensat_time64
  pselect6_time64 ppoll_time64 - io_pgetevents_time64 recvmmsg_time64 mq_timedsend_time64 mq_timedreceive_time64 semtimedop_time64 rt_sigtimedwait_time64 futex_time64
  sched_rr_get_interval_time64
`;

export const syscallNamesI386 = numberNames([[0, FROM_0], [393, FROM_393], [COMMON_START, COMMON_NAMES]]);

/** i386's own rows come first: where both ABIs have a name, they are what i386 means by it. */
const OWN: readonly SyscallRow[] = [
  ...fileSyscalls32, ...memorySyscalls32, ...processSyscalls32, ...signalSyscalls32, ...timeSyscalls32, ...miscSyscalls32,
];
const SHARED: readonly SyscallRow[] = [
  ...fileSyscalls, ...memorySyscalls, ...processSyscalls, ...ptraceSyscalls, ...signalSyscalls, ...timeSyscalls, ...miscSyscalls,
];
const shared = new Map(SHARED.map((row) => [row.name, row]));
const own = new Map(OWN.map((row) => [row.name, row]));

function sharedRow(name: string): SyscallRow {
  const row = shared.get(name);
  if (row === undefined) throw new Error(`no system call ${name} to make an i386 one of`);
  return row;
}

const id = (register: number): ArgumentWord => ({ id16: register });

/** Calls that are x86-64's with arguments in other places. */
const WORDS: Readonly<Record<string, readonly ArgumentWord[]>> = {
  clone: [0, 1, 2, 4, 3],
  pread64: [0, 1, 2, [3, 4]], pwrite64: [0, 1, 2, [3, 4]], preadv: [0, 1, 2, [3, 4]], pwritev: [0, 1, 2, [3, 4]],
  preadv2: [0, 1, 2, [3, 4], 4, 5], pwritev2: [0, 1, 2, [3, 4], 4, 5],
  readahead: [0, [1, 2], 3], sync_file_range: [0, [1, 2], [3, 4], 5], fallocate: [0, 1, [2, 3], [4, 5]], fadvise64: [0, [1, 2], 3, 4],
  setuid: [id(0)], setgid: [id(0)], setreuid: [id(0), id(1)], setregid: [id(0), id(1)], setresuid: [id(0), id(1), id(2)], setresgid: [id(0), id(1), id(2)],
  setfsuid: [id(0)], setfsgid: [id(0)], chown: [0, id(1), id(2)], lchown: [0, id(1), id(2)], fchown: [0, id(1), id(2)],
};
/** Calls that are others under a new name: with 32-bit ids, 64-bit sizes or times; `_newselect` is the one with its arguments in registers. */
const RENAMED: Readonly<Record<string, readonly [of: string, changes?: Pick<AbiRow, 'words' | 'timeLayout' | 'inMemory'>]>> = {
  ...Object.fromEntries(
    ['getuid', 'getgid', 'geteuid', 'getegid', 'setuid', 'setgid', 'setreuid', 'setregid', 'getgroups', 'setgroups', 'setresuid', 'getresuid', 'setresgid', 'getresgid',
      'setfsuid', 'setfsgid', 'chown', 'lchown', 'fchown'].map((name) => [`${name}32`, [name] as const]),
  ),
  ...Object.fromEntries(
    ([
      ['clock_gettime64', 'clock_gettime'], ['clock_settime64', 'clock_settime'], ['clock_adjtime64', 'clock_adjtime'], ['clock_getres_time64', 'clock_getres'],
      ['clock_nanosleep_time64', 'clock_nanosleep'], ['timer_gettime64', 'timer_gettime'], ['timer_settime64', 'timer_settime'], ['timerfd_gettime64', 'timerfd_gettime'],
      ['timerfd_settime64', 'timerfd_settime'], ['utimensat_time64', 'utimensat'], ['pselect6_time64', 'pselect6'], ['ppoll_time64', 'ppoll'], ['recvmmsg_time64', 'recvmmsg'],
      ['rt_sigtimedwait_time64', 'rt_sigtimedwait'], ['futex_time64', 'futex'], ['sched_rr_get_interval_time64', 'sched_rr_get_interval'],
    ] as const).map(([name, of]) => [name, [of, { timeLayout: 'padded' }] as const]),
  ),
  truncate64: ['truncate', { words: [0, [1, 2]] }], ftruncate64: ['ftruncate', { words: [0, [1, 2]] }],
  fadvise64_64: ['fadvise64', { words: [0, [1, 2], [3, 4], 5] }],
  fcntl64: ['fcntl'], _newselect: ['select'], select: ['select', { inMemory: 5 }], mmap: ['mmap', { inMemory: 6 }],
};

function rows(): AbiRow[] {
  const made: AbiRow[] = [];
  for (const name of syscallNamesI386) {
    if (name === undefined) continue;
    const [of, changes] = RENAMED[name] ?? [undefined, undefined];
    if (of !== undefined) made.push({ ...sharedRow(of), name, ...changes });
    else {
      const row = own.get(name) ?? shared.get(name);
      const words = WORDS[name];
      if (row !== undefined) made.push(words === undefined ? row : { ...row, words });
    }
  }
  return made;
}

const plain = joinTable('i386', syscallNamesI386, rows());
const byName = new Map(plain.flatMap((row) => (row === undefined ? [] : [[row.name, row] as const])));

/** Calls of socketcall by number from 1 (include/uapi/linux/net.h), and how many longs each takes from memory. */
const SOCKET_CALLS: readonly (readonly [name: string, count: number])[] = [
  ['socket', 3], ['bind', 3], ['connect', 3], ['listen', 2], ['accept', 3], ['getsockname', 3], ['getpeername', 3], ['socketpair', 4], ['send', 4], ['recv', 4], ['sendto', 6],
  ['recvfrom', 6], ['shutdown', 2], ['setsockopt', 5], ['getsockopt', 5], ['sendmsg', 3], ['recvmsg', 3], ['accept4', 4], ['recvmmsg', 5], ['sendmmsg', 4],
];
/** Those that only socketcall has: another call with no address, or no flags. */
const SOCKET_ALIASES: Readonly<Record<string, string>> = { send: 'sendto', recv: 'recvfrom' };
const socketRow = (name: string): AbiRow | undefined => byName.get(name) ?? shared.get(SOCKET_ALIASES[name] ?? name);

const socketcall: AbiRow['demultiplex'] = (thread, [number, address]) => {
  const call = SOCKET_CALLS[number - 1];
  if (call === undefined) return -Errno.EINVAL;
  const [name, count] = call;
  const bytes = thread.space.read(address >>> 0, count * 4);
  if (bytes === undefined) return -Errno.EFAULT;
  return { row: socketRow(name), words: [...new Int32Array(bytes.buffer), 0, 0, 0, 0, 0, 0].slice(0, 6) };
};

/** Calls of ipc (include/uapi/linux/ipc.h). */
const IPC_CALLS: Readonly<Record<number, string>> = {
  1: 'semop', 2: 'semget', 3: 'semctl', 4: 'semtimedop', 11: 'msgsnd', 12: 'msgrcv', 13: 'msgget', 14: 'msgctl', 21: 'shmat', 22: 'shmdt', 23: 'shmget', 24: 'shmctl',
};

/** System V IPC is not there: the call says so by its name. */
const ipc: AbiRow['demultiplex'] = (_, [call, first, second, third, pointer, fifth]) => {
  const name = IPC_CALLS[call & 0xffff];
  return name === undefined ? -Errno.ENOSYS : { row: { name, args: ['int', 'int', 'int', 'ptr', 'hex'], handler: () => -Errno.ENOSYS }, words: [first, second, third, pointer, fifth, 0] };
};

function multiplexed(name: string, demultiplex: NonNullable<AbiRow['demultiplex']>): AbiRow {
  return { name, args: ['int', 'ptr'], handler: () => -Errno.ENOSYS, demultiplex };
}

export const syscallTableI386 = joinTable('i386', syscallNamesI386, [
  ...plain.flatMap((row) => (row === undefined ? [] : [row])), multiplexed('socketcall', socketcall), multiplexed('ipc', ipc),
]);
