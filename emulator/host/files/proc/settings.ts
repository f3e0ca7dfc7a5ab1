/** /proc/sys: settings which programs look at; writing changes nothing, as the machine has only these values. */
import { Errno } from '../../errno.ts';
import { MACHINE_NAME } from '../../misc/machine-calls.ts';
import { byteString } from '../arguments.ts';
import { MAXIMUM_OPEN_FILES } from '../machine-limits.ts';
import { PIPE_MAX_SIZE } from '../pipe-buffer.ts';
import { fixedTable, type ProcDirectoryTable, type ProcEntry } from './proc-file-system.ts';

type SettingTree = { readonly [name: string]: string | number | SettingTree };

const SETTINGS: SettingTree = {
  fs: {
    'aio-max-nr': 65536, 'file-max': MAXIMUM_OPEN_FILES, 'nr_open': 1048576, 'pipe-max-size': PIPE_MAX_SIZE, 'suid_dumpable': 0,
    inotify: { max_user_instances: 128, max_user_watches: 8192 },
  },
  kernel: {
    cap_last_cap: 40, core_pattern: 'core', core_uses_pid: 0, domainname: MACHINE_NAME.domainname, hostname: MACHINE_NAME.nodename, 'ngroups_max': 65536, osrelease: MACHINE_NAME.release,
    ostype: MACHINE_NAME.sysname, overflowgid: 65534, overflowuid: 65534, perf_event_paranoid: 2, pid_max: 32768, randomize_va_space: 0, shmall: 4194304, shmmax: 1073741824, shmmni: 4096,
    'threads-max': 4096, version: MACHINE_NAME.version, yama: { ptrace_scope: 0 }, random: { boot_id: '00000000-0000-4000-8000-000000000000', entropy_avail: 256, poolsize: 256 },
  },
  net: { core: { somaxconn: 4096, wmem_max: 212992, rmem_max: 212992 }, unix: { max_dgram_qlen: 512 } },
  vm: { max_map_count: 65530, mmap_min_addr: 65536, nr_hugepages: 0, overcommit_memory: 0, overcommit_ratio: 50, swappiness: 60 },
};

function setting(value: string | number): ProcEntry {
  const text = `${value}\n`;
  return {
    kind: 'file', mode: 0o644, read: () => text,
    write: (_context, bytes) => (byteString(bytes).trim() === String(value) ? bytes.length : -Errno.EINVAL),
  };
}

function table(tree: SettingTree): ProcDirectoryTable {
  const entries = Object.entries(tree).map(([name, value]): [string, ProcEntry] => [name, typeof value === 'object' ? { kind: 'directory', entries: table(value) } : setting(value)]);
  return fixedTable(Object.fromEntries(entries));
}

export const systemSettings = table(SETTINGS);
