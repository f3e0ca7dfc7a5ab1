/**
 * The attributes of launch.json: the one definition from which come the types, the JSON schema of the extension's package.json, the check of
 * what a client sends, and the table in the manual.
 */
import { KERNEL_EXCEPTIONS } from '../breakpoints/kernel-exceptions.ts';

type Request = 'launch' | 'attach';

interface AttributeRow {
  readonly name: string;
  readonly type: 'string' | 'number' | 'boolean' | 'string[]' | 'map';
  readonly requests: readonly Request[];
  readonly required?: boolean;
  readonly default?: string | number | boolean | readonly string[];
  /** Allowed words. */
  readonly choices?: readonly string[];
  readonly help: string;
}

const both = ['launch', 'attach'] as const;
const launch = ['launch'] as const;
const attach = ['attach'] as const;

export const ATTRIBUTES = [
  { name: 'program', type: 'string', requests: both, required: true, help: 'The User Mode Linux kernel (the file called `linux`), with debug information.' },
  { name: 'args', type: 'string[]', requests: launch, default: [], help: 'Kernel command line, one argument each: `mem=64M`, `ubd0=root.img` …' },
  { name: 'initrd', type: 'string', requests: launch, help: 'Initial RAM disk, for the kernel argument `initrd=`.' },
  { name: 'cwd', type: 'string', requests: launch, help: 'Folder that file names on the kernel command line count from.' },
  { name: 'share', type: 'string[]', requests: launch, default: [], help: 'Folders or files of the host the guest may see; `DIR:rw` for writing.' },
  { name: 'memory', type: 'string', requests: launch, help: 'Memory of the machine (not of the kernel), such as `512M` or `2G`.' },
  { name: 'kind', type: 'string', requests: launch, default: 'boot', choices: ['boot', 'run'], help: '`boot` a kernel, or `run` an ordinary x86-64 Linux program.' },
  { name: 'console', type: 'string', requests: launch, default: 'integratedTerminal', choices: ['integratedTerminal', 'externalTerminal', 'internalConsole'], help: 'Where the guest\'s console is; `internalConsole` is the debug console, for output only.' },
  {
    name: 'profile', type: 'string[]', requests: launch, default: [],
    help: 'Profiles of the whole run to write at its end, each `FORMAT=FILE`, such as `lcov=run.info` (shown as coverage) or `cpuprofile=run.cpuprofile`.',
  },
  { name: 'host', type: 'string', requests: attach, default: '127.0.0.1', help: 'Host the stub listens on.' },
  { name: 'port', type: 'number', requests: attach, required: true, help: 'Port of the stub: of `skas --gdb`, gdbserver or QEMU.' },
  { name: 'stopOnEntry', type: 'boolean', requests: both, default: false, help: 'Launch: stay at the first instruction. Attach: leave the target stopped.' },
  { name: 'stopAt', type: 'string', requests: launch, default: '', help: 'A function to stop in once, such as `start_kernel`.' },
  { name: 'sourceFileMap', type: 'map', requests: both, help: 'Where sources are: from the path they were compiled under to where they are here.' },
  { name: 'modulePath', type: 'string[]', requests: both, default: [], help: 'Folders searched for the `.ko` files of loaded modules; a launch hands the first to the machine (`--modules`).' },
  { name: 'exceptions', type: 'string[]', requests: both, default: [], help: 'Exceptions to stop for whatever the Breakpoints view says: `panic`, `oops`, `bug`, `warn`, `kasan`, `kunit`, `user-segv`.' },
  { name: 'tasks', type: 'boolean', requests: both, default: true, help: 'Show every task of the kernel as a thread, where the stub can.' },
  { name: 'skas', type: 'string', requests: launch, help: 'Another skas command to boot with.' },
  { name: 'trace', type: 'boolean', requests: both, default: false, help: 'Write every packet between adapter and stub to the debug console.' },
] as const satisfies readonly AttributeRow[];

interface ValueOf {
  readonly string: string;
  readonly number: number;
  readonly boolean: boolean;
  readonly 'string[]': readonly string[];
  readonly map: Readonly<Record<string, string>>;
}
type Row = (typeof ATTRIBUTES)[number];

/** What launch.json may hold; undefined where nothing was given and there is no default. */
export type LaunchAttributes = { readonly [R in Row as R['name']]: R extends { default: unknown } | { required: true } ? ValueOf[R['type']] : ValueOf[R['type']] | undefined };

/** launch.json holds something that cannot be meant so; the message names the attribute. */
export class AttributeError extends Error {}

const ROWS: readonly AttributeRow[] = ATTRIBUTES;

function fits(row: AttributeRow, value: unknown): boolean {
  switch (row.type) {
    case 'string[]': return Array.isArray(value) && value.every((each) => typeof each === 'string');
    case 'map': return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every((each) => typeof each === 'string');
    default: return typeof value === row.type && (row.choices === undefined || row.choices.some((choice) => choice === value));
  }
}

const NAMES: Readonly<Record<AttributeRow['type'], string>> = { string: 'a string', number: 'a number', boolean: 'true or false', 'string[]': 'a list of strings', map: 'an object of strings' };

/** @throws AttributeError */
export function readAttributes(request: Request, given: Readonly<Record<string, unknown>>): LaunchAttributes {
  const values: Record<string, unknown> = {};
  for (const row of ROWS) {
    const value = given[row.name] ?? (row.requests.includes(request) || row.default !== undefined ? row.default : undefined);
    if (value === undefined) {
      if (row.required === true && row.requests.includes(request)) throw new AttributeError(`launch.json: "${row.name}" is missing. ${row.help}`);
      continue;
    }
    if (row.name === 'exceptions' && Array.isArray(value)) checkExceptions(value);
    if (!fits(row, value)) throw new AttributeError(`launch.json: "${row.name}" must be ${row.choices?.map((choice) => `"${choice}"`).join(' or ') ?? NAMES[row.type]}`);
    values[row.name] = value;
  }
  if (!complete(values)) throw new AttributeError('launch.json is incomplete');
  return values;
}

function checkExceptions(names: readonly unknown[]): void {
  const unknown = names.find((name) => !KERNEL_EXCEPTIONS.some(({ filter }) => filter === name));
  if (unknown !== undefined) throw new AttributeError(`launch.json: "exceptions" has no ${JSON.stringify(unknown)}: there are ${KERNEL_EXCEPTIONS.map(({ filter }) => filter).join(', ')}`);
}

/** What the loop above has checked, for the compiler. */
function complete(values: Record<string, unknown>): values is LaunchAttributes & Record<string, unknown> {
  return ROWS.every((row) => (values[row.name] === undefined ? row.default === undefined : fits(row, values[row.name])));
}

const SCHEMA_TYPES: Readonly<Record<AttributeRow['type'], object>> = {
  string: { type: 'string' }, number: { type: 'number' }, boolean: { type: 'boolean' }, 'string[]': { type: 'array', items: { type: 'string' } },
  map: { type: 'object', additionalProperties: { type: 'string' } },
};

/** `configurationAttributes` of the debugger contribution. */
export function attributesSchema(request: Request): object {
  const rows = ROWS.filter(({ requests }) => requests.includes(request));
  return {
    required: rows.filter(({ required }) => required === true).map(({ name }) => name),
    properties: Object.fromEntries(rows.map((row) => [row.name, {
      ...SCHEMA_TYPES[row.type], ...(row.choices === undefined ? {} : { enum: row.choices }), ...(row.default === undefined ? {} : { default: row.default }), markdownDescription: row.help,
    }])),
  };
}

/** The table of the manual, in Markdown. */
export function attributesTable(): string {
  const lines = ROWS.map(({ name, requests, default: value, help }) =>
    `| \`${name}\` | ${requests.join(', ')} | ${value === undefined || value === '' ? '' : `\`${JSON.stringify(value)}\``} | ${help} |`);
  return ['| attribute | request | default | meaning |', '|---|---|---|---|', ...lines].join('\n');
}
