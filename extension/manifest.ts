/** The extension's package.json: what it contributes, with the launch attributes from their one definition in dap/. */
import { ATTRIBUTES, attributesSchema } from '../dap/session/launch-attributes.ts';

/** Type of the debugger in launch.json. */
export const DEBUG_TYPE = 'skas';

export const VIEWS = [
  { id: 'skas.tasks', name: 'Kernel Tasks' }, { id: 'skas.log', name: 'Kernel Log' }, { id: 'skas.modules', name: 'Kernel Modules' }, { id: 'skas.spaces', name: 'Address Space' },
] as const;

const inSession = `debugType == '${DEBUG_TYPE}'`;

const COMMANDS = [
  { command: 'skas.switchTask', title: 'Switch to This Process', icon: '$(debug-step-into)', when: false },
  { command: 'skas.showTask', title: 'Show Its Stack', icon: '$(list-tree)', when: false },
  { command: 'skas.returnTask', title: 'Return to Where the Kernel Was', icon: '$(debug-step-out)', when: true },
  { command: 'skas.refresh', title: 'Refresh', icon: '$(refresh)', when: true },
  { command: 'skas.openLog', title: 'Open Kernel Log', icon: '$(output)', when: true },
  { command: 'skas.monitor', title: 'Send Monitor Command', icon: '$(terminal)', when: true },
  { command: 'skas.profileStart', title: 'Start Profiling', icon: '$(record)', when: true },
  { command: 'skas.profileStop', title: 'Stop Profiling', icon: '$(debug-stop)', when: true },
  { command: 'skas.profileReset', title: 'Forget What Was Profiled', icon: '$(clear-all)', when: true },
  { command: 'skas.profileOpen', title: 'Open Profile So Far', icon: '$(flame)', when: true },
  { command: 'skas.coverage', title: 'Show Coverage So Far', icon: '$(beaker)', when: true },
] as const;

/** Attributes whose default for all launch configurations a setting gives. */
export const DEFAULTED = ['memory', 'console', 'stopOnEntry', 'sourceFileMap', 'modulePath', 'tasks', 'trace', 'skas'] as const;

const SETTING_TYPES: Readonly<Record<string, object>> = {
  string: { type: ['string', 'null'] }, boolean: { type: ['boolean', 'null'] }, 'string[]': { type: ['array', 'null'], items: { type: 'string' } },
  map: { type: ['object', 'null'], additionalProperties: { type: 'string' } }, number: { type: ['number', 'null'] },
};

function settings(): object {
  const defaults = ATTRIBUTES.filter(({ name }) => DEFAULTED.some((each) => each === name));
  return {
    'skas.nodePath': { type: 'string', default: '', scope: 'machine', markdownDescription: 'Node.js (22 or newer) that runs the debug adapter and the machine. Empty: the one VS Code runs on.' },
    ...Object.fromEntries(defaults.map(({ name, type, help }) => [`skas.launch.${name}`, { ...SETTING_TYPES[type], default: null, markdownDescription: `Default of \`${name}\` in launch configurations. ${help}` }])),
  };
}

/** `^"…"` keeps what it quotes as it is, so that `${workspaceFolder}` comes into launch.json literally. */
const literal = (path: string): string => `^"\\\${workspaceFolder}/${path}"`;

const SNIPPETS = [
  {
    label: 'skas: Debug a UML kernel', description: 'Boot a User Mode Linux kernel and stop in start_kernel',
    body: { type: DEBUG_TYPE, request: 'launch', name: 'Debug UML kernel', program: literal('${1:linux}'), args: ['mem=64M'], stopAt: 'start_kernel' },
  },
  {
    label: 'skas: Debug a UML kernel with a root image', description: 'The same with a disk image as the root file system',
    body: { type: DEBUG_TYPE, request: 'launch', name: 'Debug UML kernel (root image)', program: literal('${1:linux}'), args: ['mem=128M', 'ubd0=${2:root.img}', 'root=/dev/ubda'] },
  },
  {
    label: 'skas: Attach', description: 'Attach to skas --gdb, gdbserver or QEMU',
    body: { type: DEBUG_TYPE, request: 'attach', name: 'Attach to UML kernel', program: literal('${1:linux}'), port: '^${2:1234}' },
  },
  {
    label: 'skas: Debug an ordinary program', description: 'Run an x86-64 Linux program in the machine',
    body: { type: DEBUG_TYPE, request: 'launch', name: 'Debug program', kind: 'run', program: literal('${1:a.out}'), args: [], stopAt: 'main' },
  },
];

export const INITIAL_CONFIGURATION = { type: DEBUG_TYPE, request: 'launch', name: 'Debug UML kernel', program: '${workspaceFolder}/linux', args: ['mem=64M'], stopAt: 'start_kernel' } as const;

const WALKTHROUGH = {
  id: 'skas.start', title: 'Debug a User Mode Linux kernel', description: 'From a kernel to a breakpoint in start_kernel.',
  steps: [
    { id: 'kernel', title: 'Get a kernel', description: 'Build one with `make ARCH=um defconfig linux` and CONFIG_DEBUG_INFO.\n[Run the build task](command:workbench.action.tasks.runTask)', media: { markdown: 'walkthrough/kernel.md' }, completionEvents: ['onCommand:workbench.action.tasks.runTask'] },
    { id: 'launch', title: 'Add a launch configuration', description: 'Type `skas` in launch.json and choose one.\n[Open launch.json](command:workbench.action.debug.configure)', media: { markdown: 'walkthrough/launch.md' }, completionEvents: ['onCommand:workbench.action.debug.configure'] },
    { id: 'start', title: 'Press F5', description: 'The kernel boots in a terminal and stops in `start_kernel`.\n[Start debugging](command:workbench.action.debug.start)', media: { markdown: 'walkthrough/start.md' }, completionEvents: ['onContext:debugType == skas'] },
    { id: 'tasks', title: 'Look at tasks', description: 'The view *Kernel Tasks* lists all of them; switch to one and back.\n[Show the view](command:skas.tasks.focus)', media: { markdown: 'walkthrough/tasks.md' }, completionEvents: ['onCommand:skas.switchTask', 'onView:skas.tasks'] },
  ],
};

/** @param version of skas */
export function manifest(version: string): object {
  return {
    name: 'skas', displayName: 'skas: User Mode Linux debugger', description: 'Boot an unmodified User Mode Linux kernel in an emulated machine and debug it: tasks, kernel log, data breakpoints, no gdb needed.',
    version, publisher: 'skas', license: 'MIT', categories: ['Debuggers'], keywords: ['linux', 'kernel', 'uml', 'user mode linux', 'gdb', 'dap'],
    engines: { vscode: '^1.100.0' }, files: ['dist', 'walkthrough', 'LICENSE', 'CHANGELOG.md', 'README.md'], main: './dist/extension.cjs', extensionKind: ['workspace'],
    capabilities: { untrustedWorkspaces: { supported: 'limited', description: 'Debugging runs programs of the workspace, so it needs trust.' }, virtualWorkspaces: false },
    activationEvents: [`onDebugResolve:${DEBUG_TYPE}`, `onDebugDynamicConfigurations:${DEBUG_TYPE}`, 'onTaskType:skas'],
    contributes: {
      breakpoints: ['c', 'cpp', 'asm', 'asm-intel-x86-generic', 'gas', 'rust'].map((language) => ({ language })),
      debuggers: [{
        type: DEBUG_TYPE, label: 'skas (User Mode Linux)', languages: ['c', 'asm'],
        configurationAttributes: { launch: attributesSchema('launch'), attach: attributesSchema('attach') },
        initialConfigurations: [INITIAL_CONFIGURATION], configurationSnippets: SNIPPETS,
        strings: { unverifiedBreakpoints: 'A breakpoint is set as soon as the code it is in is known: start the session, or load the module.' },
      }],
      configuration: { title: 'skas', properties: settings() },
      views: { debug: VIEWS.map((view) => ({ ...view, when: inSession })) },
      commands: COMMANDS.map(({ command, title, icon }) => ({ command, title, icon, category: 'skas', enablement: inSession })),
      menus: {
        commandPalette: COMMANDS.map(({ command, when }) => ({ command, when: when ? inSession : 'false' })),
        'view/title': [
          { command: 'skas.refresh', when: 'view =~ /^skas\\./', group: 'navigation@2' }, { command: 'skas.returnTask', when: 'view == skas.tasks', group: 'navigation@1' },
          { command: 'skas.openLog', when: 'view == skas.log', group: 'navigation@1' },
        ],
        'view/item/context': [
          { command: 'skas.switchTask', when: 'view == skas.tasks && viewItem == task', group: 'inline@1' }, { command: 'skas.switchTask', when: 'view == skas.tasks && viewItem == task', group: '1_task@1' },
          { command: 'skas.showTask', when: 'view == skas.tasks && viewItem == task', group: '1_task@2' },
        ],
      },
      taskDefinitions: [{ type: 'skas', required: ['target'], properties: { target: { type: 'string', description: 'Target of the kernel\'s make, such as linux' }, folder: { type: 'string', description: 'Folder of the kernel source' } } }],
      walkthroughs: [WALKTHROUGH],
    },
  };
}
