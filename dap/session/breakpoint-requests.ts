/** Breakpoints of all kinds, from the client's descriptions to what the set keeps. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Breakpoint, BreakpointSpec, StubLocation } from '../breakpoints/breakpoint.ts';
import { parseHitCondition } from '../breakpoints/hit-condition.ts';
import { exceptionsOf, type KernelException } from '../breakpoints/kernel-exceptions.ts';
import { locationsOfFunction, locationsNamed, type CodeLocation } from '../symbols/code-locations.ts';
import type { SymbolFile } from '../symbols/symbol-file.ts';
import { BOOTED, FIRST_PROGRAM } from './boot-progress.ts';
import type { Debuggee } from './debuggee.ts';
import type { StackRequests } from './stack-requests.ts';
import { RequestError } from './stack-requests.ts';
import { parseReference } from './memory-requests.ts';

interface Conditions {
  readonly condition?: string;
  readonly hitCondition?: string;
  readonly logMessage?: string;
}

const isTrueText = (text: string | undefined): text is string => text !== undefined && text.trim() !== '';

/** Watching more than this at once is not meant. */
const MOST_WATCHED = 1 << 20;

export class BreakpointRequests {
  private readonly debuggee: Debuggee;
  private readonly stack: StackRequests;
  private dataIds = new Map<string, { readonly address: bigint; readonly length: number }>();

  constructor(debuggee: Debuggee, stack: StackRequests) {
    this.debuggee = debuggee;
    this.stack = stack;
  }

  private spec(kind: BreakpointSpec['kind'], group: string, place: string, pending: string, given: Conditions, resolve: BreakpointSpec['resolve']): BreakpointSpec {
    const key = JSON.stringify([place, given.condition, given.hitCondition, given.logMessage]);
    const hit = isTrueText(given.hitCondition) ? parseHitCondition(given.hitCondition) : undefined;
    if (isTrueText(given.hitCondition) && hit === undefined) {
      return { kind, group, key, condition: undefined, hit: undefined, logMessage: undefined, pending, resolve: () => { throw new RequestError(`'${given.hitCondition ?? ''}' is not a hit count such as 5, >= 5 or % 5`); } };
    }
    return { kind, group, key, condition: isTrueText(given.condition) ? given.condition : undefined, hit, logMessage: isTrueText(given.logMessage) ? given.logMessage : undefined, pending, resolve };
  }

  private everywhere(find: (file: SymbolFile) => readonly CodeLocation[]): CodeLocation[] {
    return this.debuggee.inspector.files.flatMap((file) => [...find(file)]);
  }

  async source({ source, breakpoints = [] }: DebugProtocol.SetBreakpointsArguments): Promise<DebugProtocol.Breakpoint[]> {
    const path = source.path ?? source.name ?? '';
    const compiled = this.debuggee.sources.compiled(path);
    const specs = breakpoints.map((each) => this.spec('source', `source ${path}`, `${each.line}`, 'no code was compiled from this line', each,
      () => this.everywhere((file) => locationsNamed(file, compiled, each.line))));
    return this.set(`source ${path}`, specs);
  }

  async functions({ breakpoints }: DebugProtocol.SetFunctionBreakpointsArguments): Promise<DebugProtocol.Breakpoint[]> {
    const specs = breakpoints.map((each) => this.spec('function', 'function', each.name, `there is no function '${each.name}'`, each,
      () => this.everywhere((file) => locationsOfFunction(file, each.name.trim().replace(/\(.*\)$/, '')))));
    return this.set('function', specs);
  }

  async instructions({ breakpoints }: DebugProtocol.SetInstructionBreakpointsArguments): Promise<DebugProtocol.Breakpoint[]> {
    const specs = breakpoints.map((each) => this.spec('instruction', 'instruction', `${each.instructionReference} ${each.offset ?? 0}`, '', each, (): StubLocation[] =>
      [{ type: 'software', address: parseReference(each.instructionReference, each.offset ?? 0), length: 1 }]));
    const set = await this.set('instruction', specs);
    return set.map((each, i) => ({ ...each, instructionReference: breakpoints[i].instructionReference, offset: breakpoints[i].offset ?? 0 }));
  }

  /** A function to stop in once, before the client's own breakpoints count. */
  firstStop(name: string): CodeLocation | undefined {
    return this.everywhere((file) => locationsOfFunction(file, name))[0];
  }

  /** Has the kernel say so when it starts its first program. False: nobody knows where it does. */
  async logFirstProgram(): Promise<boolean> {
    const spec = this.spec('function', 'boot', 'boot', '', { logMessage: BOOTED }, () => this.everywhere((file) => FIRST_PROGRAM.flatMap((name) => locationsOfFunction(file, name))));
    return (await this.set('boot', [spec])).every(({ verified }) => verified);
  }

  async dataInfo({ name, frameId, variablesReference, asAddress, bytes }: DebugProtocol.DataBreakpointInfoArguments): Promise<DebugProtocol.DataBreakpointInfoResponse['body']> {
    const refuse = (description: string): DebugProtocol.DataBreakpointInfoResponse['body'] => ({ dataId: null, description });
    let address: bigint | undefined;
    let length = bytes ?? 0;
    if (asAddress === true) {
      address = parseReference(name);
      length = bytes ?? this.debuggee.inspector.map.wordSize;
    } else {
      const container = variablesReference === undefined ? undefined : this.stack.stored.containers.get(variablesReference);
      const at = container?.at ?? (frameId === undefined ? undefined : this.stack.frameOf(frameId));
      if (at?.inspector !== undefined) return refuse('it is in the memory of a process of the guest, which the kernel reads and writes at other addresses');
      const expression = container?.kind === 'value' ? this.memberExpression(container.expression, name, container.value.plain.kind) : name;
      if (expression === undefined) return refuse('it has no name in an expression');
      try {
        const value = await this.debuggee.inspector.evaluate(expression, at);
        if (value.place.kind === 'register') return refuse(`${name} is in register $${value.place.name}, not in memory`);
        ({ address } = value);
        length = bytes ?? value.size;
      } catch (error) {
        return refuse(error instanceof Error ? error.message : String(error));
      }
    }
    if (address === undefined) return refuse(`${name} is not in memory`);
    if (length < 1 || length > MOST_WATCHED) return refuse(`${length} bytes cannot be watched`);
    const dataId = `${address.toString(16)}/${length}`;
    this.dataIds.set(dataId, { address, length });
    return { dataId, description: asAddress === true ? `0x${address.toString(16)} (${length} bytes)` : `${name} (0x${address.toString(16)}, ${length} bytes)`, accessTypes: ['read', 'write', 'readWrite'], canPersist: false };
  }

  private memberExpression(outer: string | undefined, name: string, kind: string): string | undefined {
    if (outer === undefined) return undefined;
    if (name.startsWith('[')) return `(${outer})${name}`;
    return name === '*' ? `*(${outer})` : `(${outer})${kind === 'pointer' ? '->' : '.'}${name}`;
  }

  async data({ breakpoints }: DebugProtocol.SetDataBreakpointsArguments): Promise<DebugProtocol.Breakpoint[]> {
    const specs = breakpoints.map((each) => this.spec('data', 'data', `${each.dataId} ${each.accessType ?? ''}`, '', each, (): StubLocation[] => {
      const place = this.dataIds.get(each.dataId);
      if (place === undefined) throw new RequestError('its address is from another session');
      const type = each.accessType === 'read' ? 'read' : each.accessType === 'readWrite' ? 'access' : 'write';
      return [{ type, ...place }];
    }));
    return this.set('data', specs);
  }

  /** @param always filters that launch.json names besides; their breakpoints are not among those given back */
  async exceptions({ filters, filterOptions = [] }: DebugProtocol.SetExceptionBreakpointsArguments, always: readonly string[]): Promise<DebugProtocol.Breakpoint[]> {
    const asked = new Map<string, string | undefined>([...filters.map((filter) => [filter, undefined] as const), ...filterOptions.map(({ filterId, condition }) => [filterId, condition] as const)]);
    const wanted = new Map([...asked, ...always.map((filter) => [filter, undefined] as const)]);
    const table = exceptionsOf(this.firstStop('linux_main') !== undefined);
    const rows = [...wanted].map(([filter, condition]) => ({ row: table.find((each) => each.filter === filter), condition }));
    const specs = rows.flatMap(({ row, condition }) => (row === undefined ? [] : [{
      ...this.spec('exception', 'exception', `${row.filter} ${condition ?? ''}`, `this kernel has none of ${row.functions.join(', ')}`, {}, () => this.exceptionPlaces(row)),
      condition: [row.condition, condition].filter(isTrueText).map((each) => `(${each})`).join(' && ') || undefined, exception: row,
    }]));
    return (await this.set('exception', specs)).slice(0, asked.size);
  }

  private exceptionPlaces({ functions, message }: KernelException): CodeLocation[] {
    const entries = this.everywhere((file) => functions.flatMap((name) => locationsOfFunction(file, name)));
    const behind = message === undefined ? [] : entries.flatMap(({ file, address }) => {
      const owner = file.info.hasTypes ? file.info.functionAt(address) : undefined;
      const site = owner === undefined ? undefined : file.callSitesOf(owner.die).find(({ callee }) => callee?.name === message.after);
      return site === undefined ? [] : [{ file, address: site.returnAddress, function: owner?.name, position: undefined }];
    });
    return behind.length > 0 ? behind : entries;
  }

  private async set(group: string, specs: readonly BreakpointSpec[]): Promise<DebugProtocol.Breakpoint[]> {
    const created = await this.debuggee.execution.whileStopped(() => this.debuggee.breakpoints.replace(group, specs));
    return created.map((each) => this.shown(each));
  }

  shown(breakpoint: Breakpoint): DebugProtocol.Breakpoint {
    const { position, locations } = breakpoint;
    const places = locations.length > 1 ? `${locations.length} places` : undefined;
    const message = breakpoint.message ?? places;
    return {
      id: breakpoint.id, verified: breakpoint.verified, ...(message === undefined ? {} : { message }),
      ...(position === undefined ? {} : { line: position.line, source: this.stack.source(position) }),
      ...(locations.length === 0 ? {} : { instructionReference: `0x${locations[0].address.toString(16)}` }),
    };
  }
}
