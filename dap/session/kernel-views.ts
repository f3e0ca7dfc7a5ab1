/** What the extension's views show of the kernel: `skas/…` requests, answered from threads and `monitor` commands where the stub has them. */
import type { Debuggee } from './debuggee.ts';
import { RequestError, type StackRequests } from './stack-requests.ts';

export interface TaskRow {
  readonly threadId: number;
  readonly name: string;
  readonly detail: string;
}

export interface ModuleRow {
  readonly name: string;
  readonly detail: string;
}

export type ViewRequest = 'skas/tasks' | 'skas/log' | 'skas/modules' | 'skas/spaces' | 'skas/switch' | 'skas/return' | 'skas/monitor' | 'skas/profile';
const VIEW_REQUESTS: readonly ViewRequest[] = ['skas/tasks', 'skas/log', 'skas/modules', 'skas/spaces', 'skas/switch', 'skas/return', 'skas/monitor', 'skas/profile'];
export const isViewRequest = (name: string): name is ViewRequest => VIEW_REQUESTS.some((each) => each === name);

export interface ViewArguments {
  /** Of `skas/switch`. */
  readonly task?: string;
  /** Of `skas/monitor`. */
  readonly command?: string;
  /** Of `skas/profile`: what to do; of `start` whether all processes count (`all`), of `write` what is written where. */
  readonly action?: string;
  readonly scope?: string;
  readonly format?: string;
  /** What the file is to tell of, as regular expressions. */
  readonly functions?: string;
  readonly files?: string;
  readonly tasks?: string;
  readonly path?: string;
}

export class KernelViews {
  private readonly debuggee: Debuggee;
  private readonly stack: StackRequests;

  constructor(debuggee: Debuggee, stack: StackRequests) {
    this.debuggee = debuggee;
    this.stack = stack;
  }

  /** True when the request has moved the target to another task. */
  moves(request: ViewRequest): boolean {
    return request === 'skas/switch' || request === 'skas/return';
  }

  async answer(request: ViewRequest, args: ViewArguments): Promise<object> {
    if (this.debuggee.execution.isRunning && this.moves(request)) throw new RequestError('the target is running: pause it first');
    switch (request) {
      case 'skas/tasks': return { tasks: await this.tasks() };
      case 'skas/log': return { text: await this.text('dmesg', 'this stub cannot show the kernel log (skas can)') };
      case 'skas/modules': return { modules: await this.modules() };
      case 'skas/spaces': return { text: await this.text('maps', 'this stub cannot show address spaces (skas can)') };
      case 'skas/switch': return { text: await this.switched(`switch ${args.task ?? ''}`) };
      case 'skas/return': return { text: await this.switched('det') };
      case 'skas/profile': return { text: await this.text(profileCommand(args), 'this stub cannot profile (skas can)') };
      case 'skas/monitor': return { text: await this.text(args.command ?? 'help', 'the stub does not know this command') };
    }
  }

  private async tasks(): Promise<TaskRow[]> {
    if (this.debuggee.execution.isRunning) return [];
    return (await this.stack.threads.list()).map(({ id, name, extra }) => ({ threadId: this.stack.threads.number(id), name, detail: extra }));
  }

  private async text(command: string, otherwise: string): Promise<string> {
    const output = await this.debuggee.execution.whileStopped(() => this.debuggee.stub.monitor(command));
    if (output === undefined) throw new RequestError(otherwise);
    return output;
  }

  private async switched(command: string): Promise<string> {
    const output = await this.debuggee.stub.monitor(command);
    if (output === undefined) throw new RequestError('this stub cannot switch tasks (skas can)');
    this.debuggee.inspector.forget();
    this.stack.forget();
    return output.trim();
  }

  private async modules(): Promise<ModuleRow[]> {
    const output = await this.debuggee.execution.whileStopped(() => this.debuggee.stub.monitor('modules'));
    if (output === undefined) return this.debuggee.modules.loaded.map(({ name, file }) => ({ name, detail: file === undefined ? 'no symbols' : file.path }));
    return output.split('\n').filter((line) => line.trim() !== '').map((line) => {
      const [, name = line, detail = ''] = /^\s*(\S+)\s*(.*)$/.exec(line) ?? [];
      return { name, detail };
    });
  }
}

const FILTERS = ['functions', 'files', 'tasks'] as const;

/** @throws RequestError */
function profileCommand({ action = '', scope, format, path, ...filters }: ViewArguments): string {
  switch (action) {
    case 'start': return scope === 'all' ? 'profile start all' : 'profile start';
    case 'stop': case 'reset': return `profile ${action}`;
    case 'write':
      if (format === undefined || path === undefined || /\s/.test(path)) throw new RequestError('"format" and "path" (without blanks) are needed to write a profile');
      return ['profile write', `${format}=${path}`, ...FILTERS.flatMap((kind) => filters[kind] === undefined ? [] : [`${kind}=${filters[kind].replace(/\s/g, '\\s')}`])].join(' ');
    default: throw new RequestError(`"action" must be start, stop, reset or write, not '${action}'`);
  }
}
