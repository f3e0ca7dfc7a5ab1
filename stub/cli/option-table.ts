/** The options, once: the parser and the help text both come from here. */
import { TRACE_CHANNELS } from '../../emulator/host/trace.ts';

export interface OptionRow {
  readonly name: string;
  /** How the help shows the value; undefined: the option is a switch. */
  readonly value?: string;
  readonly multiple?: boolean;
  /** Empty: the next option's says it for both, on one line. */
  readonly help: string;
}

export const OPTIONS = [
  { name: 'gdb', value: '[HOST:]PORT', help: 'let gdb connect (port 0: a free one)' },
  { name: 'wait', help: 'stay before the first instruction until gdb says go' },
  { name: 'share', value: 'DIR[:rw]', multiple: true, help: 'show the guest a directory (or file) under its own path' },
  { name: 'modules', value: 'DIR', help: 'where the kernel\'s modules are, for gdb; else beside the kernel' },
  { name: 'memory', value: 'SIZE', help: 'memory of the machine, such as 512M or 2G (1G)' },
  { name: 'max-processes', value: 'N', help: '' },
  { name: 'max-address-spaces', value: 'N', help: 'threads and address spaces there may be at a time (4096, 1024)' },
  { name: 'no-skas3', help: '' },
  { name: 'skas3-for-all', help: 'offer /proc/mm to nobody; to 64-bit callers, too' },
  { name: 'env', value: 'NAME=VALUE', multiple: true, help: 'put into the environment of the first process' },
  { name: 'seed', value: 'NUMBER', help: 'of everything random (0)' },
  { name: 'realtime', help: 'idle time passes as on a clock; else skipped unless input may come' },
  { name: 'trace', value: 'LIST', multiple: true, help: `${TRACE_CHANNELS.join(',')},rsp on stderr` },
  { name: 'profile-all', help: '' },
  { name: 'profile', value: 'FORMAT=FILE', multiple: true, help: 'of all processes, not only the first; write exact profiles' },
  { name: 'profile-per-test', value: 'FORMAT=DIR', help: '' },
  { name: 'profile-only', value: 'KIND=REGEX', multiple: true, help: 'each KUnit test apart; functions=, files=, tasks=' },
  { name: 'stats', help: '' },
  { name: 'quiet', help: 'say at the end what was done, how fast; no messages but errors' },
  { name: 'help', help: '' },
  { name: 'version', help: 'this text; the version' },
] as const satisfies readonly OptionRow[];

const ROWS: readonly OptionRow[] = OPTIONS;

const USAGE = `skas: a machine that runs User Mode Linux kernels, and holds them still for gdb

  skas boot [OPTIONS] KERNEL [KERNEL ARGUMENTS…]   boot a UML kernel
  skas run [OPTIONS] PROGRAM [ARGUMENTS…]          run any x86-64 or i386 Linux program
  skas ps [HOST:]PORT                              processes, address spaces and memory of a running machine

Options (boot: also behind KERNEL; everything behind -- is the guest's):
`;

const NOTES = `
The guest sees the kernel, the files its command line names (ubd disks writable) and --share; with run,
system folders and the working directory, read-only. Ctrl-C is the guest's; Ctrl-] x ends the machine.
The exit status is the guest's, 128 + N when signal N ended it.
  skas boot linux mem=64M initrd=initramfs.cpio --gdb :1234
  gdb -ex 'target remote :1234' linux
`;

/** The help text; fits a screen. */
export function helpText(): string {
  const lines: string[] = [];
  let names = '';
  for (const { name, value, help } of ROWS) {
    names += `--${name}${value === undefined ? '' : ` ${value}`}`;
    if (help === '') {
      names += ', ';
      continue;
    }
    lines.push(`  ${names.padEnd(21)}  ${help}`);
    names = '';
  }
  return `${USAGE}${lines.join('\n')}\n${NOTES}`;
}
