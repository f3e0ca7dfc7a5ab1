/** Exception filters for a kernel: functions it comes through when something is badly wrong, and what to tell of them. */
export interface KernelException {
  readonly filter: string;
  readonly label: string;
  readonly description: string;
  readonly default: boolean;
  /** Tried in this order; all that exist are used. */
  readonly functions: readonly string[];
  /** Stops only where this holds; where it cannot be evaluated, too. */
  readonly condition?: string;
  /** A User Mode Linux kernel has no such function, but panics with a message that begins like one of these. */
  readonly umlPanics?: readonly string[];
  /** The kernel has built its message when this function, called by the one above, returns; it is in this local. */
  readonly message?: { readonly after: string; readonly variable: string };
  /** Locals of the function that tell what happened. */
  readonly details: readonly string[];
}

const PANIC = { functions: ['panic', 'vpanic'], message: { after: 'vscnprintf', variable: 'buf' }, details: ['fmt'] } as const;

export const KERNEL_EXCEPTIONS: readonly KernelException[] = [
  { filter: 'panic', label: 'Panic', description: 'The kernel gives up (panic)', default: true, ...PANIC },
  {
    filter: 'oops', label: 'Oops', description: 'A fault or trap in the kernel (oops_enter, die)', default: true, functions: ['oops_enter', 'die'], details: ['str'],
    umlPanics: ['Kernel mode fault', 'Kernel tried to access user memory', 'Segfault with no mm'],
  },
  { filter: 'bug', label: 'BUG', description: 'BUG() or BUG_ON() was reached', default: true, functions: ['report_bug', 'handle_BUG'], details: ['bugaddr'], umlPanics: ['BUG!'] },
  { filter: 'warn', label: 'WARN', description: 'WARN() or WARN_ON() was reached', default: false, functions: ['__warn', 'warn_slowpath_fmt'], details: ['file', 'line', 'fmt'] },
  { filter: 'kasan', label: 'KASAN report', description: 'KASAN found a wrong memory access', default: true, functions: ['kasan_report', 'kasan_report_invalid_free'], details: ['addr', 'size', 'is_write', 'ip'] },
  {
    filter: 'kunit', label: 'KUnit failure', description: 'An expectation or assertion of a KUnit test failed', default: true,
    functions: ['__kunit_do_failed_assertion', 'kunit_do_failed_assertion', 'kunit_do_assertion'], details: ['loc', 'type', 'fmt'],
  },
  {
    filter: 'user-segv', label: 'SIGSEGV of a process', description: 'A user process is sent SIGSEGV for a bad memory access', default: false,
    functions: ['force_sig_fault', 'force_sig_info_fault'], condition: 'sig == 11', details: ['sig', 'code', 'addr'],
  },
];

/** The rows as they are for a kernel. */
export function exceptionsOf(isUml: boolean): readonly KernelException[] {
  return KERNEL_EXCEPTIONS.map((row) => (isUml && row.umlPanics !== undefined ? { ...row, ...PANIC, condition: row.umlPanics.map((text) => beginsWith(PANIC.message.variable, text)).join(' || ') } : row));
}

/** C for: the array begins with the text. */
function beginsWith(array: string, text: string): string {
  return `(${[...text].map((character, i) => `${array}[${i}] == ${character.charCodeAt(0)}`).join(' && ')})`;
}
