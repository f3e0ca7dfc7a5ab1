/** Threads, stacks, scopes, variables, expressions: what a client asks of a stopped target. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { Tag } from '../../emulator/image/dwarf/constants.ts';
import { walk, type SourcePosition } from '../symbols/call-frames.ts';
import { settle } from '../symbols/miss.ts';
import { Value, ValueError, integerBytes, littleEndian } from '../values/value.ts';
import { frameVariable, staticVariable } from '../values/variables.ts';
import type { Debuggee } from './debuggee.ts';
import type { FrameInThread, Inspector } from './inspector.ts';
import type { UserSide } from './user-processes.ts';
import { StoredItems, type Container } from './stored-items.ts';
import { Threads } from './threads.ts';
import { splitSuffix } from '../values/number-suffix.ts';
import { formatOptions, memoryReference, valueText } from './value-text.ts';
import { canUnfold, childrenOf, elementCount } from './variable-tree.ts';
import type { FormatOptions } from '../values/format.ts';

/** A request that cannot be answered; the message is for the user. */
export class RequestError extends Error {}

const MOST_FRAMES = 200;
const MOST_CHILDREN = 1000;

export class StackRequests {
  readonly threads: Threads;
  readonly stored = new StoredItems();
  private readonly debuggee: Debuggee;

  constructor(debuggee: Debuggee) {
    this.debuggee = debuggee;
    this.threads = new Threads(debuggee.stub);
  }

  forget(): void {
    this.stored.clear();
    this.threads.forget();
    this.debuggee.processes.forget();
  }

  async listThreads(): Promise<DebugProtocol.Thread[]> {
    const list = this.debuggee.execution.isRunning ? this.threads.last : await this.threads.list();
    return list.map(({ id, name, extra }) => ({ id: this.threads.number(id), name: extra === '' ? name : `${name} (${extra})` }));
  }

  async stackTrace({ threadId, startFrame = 0, levels = 0 }: DebugProtocol.StackTraceArguments): Promise<DebugProtocol.StackTraceResponse['body']> {
    const thread = this.threadOf(threadId);
    const innermost = await this.debuggee.inspector.innermost(thread);
    const wanted = Math.min(MOST_FRAMES, startFrame + (levels === 0 ? MOST_FRAMES : levels));
    const { frames, more } = await settle(() => walk(innermost, wanted));
    const own = frames.map((frame) => (): DebugProtocol.StackFrame => this.stackFrame({ thread, frame }));
    const room = wanted - own.length;
    const further = more || (room === 0 && this.debuggee.processes.possible(thread)) ? { frames: [], more: true } : await this.userFrames(thread, room);
    const all = [...own, ...further.frames];
    return { stackFrames: all.slice(startFrame).map((show) => show()), totalFrames: all.length + (further.more ? 20 : 0) };
  }

  /** Below the kernel's frames of a task: those of its process, behind a line that says which. */
  private async userFrames(thread: string, room: number): Promise<{ readonly frames: readonly (() => DebugProtocol.StackFrame)[]; readonly more: boolean }> {
    const side = await this.debuggee.processes.of(thread);
    if (side === undefined) return { frames: [], more: false };
    if (typeof side === 'string') return { frames: [() => ({ id: 0, name: `user process: ${side}`, line: 0, column: 0, presentationHint: 'label' })], more: false };
    const { innermost, inspector } = side;
    const { frames, more } = await settle(() => walk(innermost, Math.max(1, room - 1)));
    return { frames: [() => boundary(side, frames.length === 0 ? 0 : this.stored.frames.add({ thread: side.thread, frame: frames[0], inspector })), ...frames.map((frame) => () => this.stackFrame({ thread: side.thread, frame, inspector }))], more };
  }

  /** What knows the memory and symbols of a frame. */
  private inspectorOf(at: FrameInThread | undefined): Inspector {
    return at?.inspector ?? this.debuggee.inspector;
  }

  private stackFrame(at: FrameInThread): DebugProtocol.StackFrame {
    const { frame } = at;
    const inspector = this.inspectorOf(at);
    const unknown = at.inspector !== undefined && frame.physical.symbol === undefined && frame.scope === undefined ? ' (no symbols)' : '';
    const suffix = frame.inlined ? ' [inline]' : frame.physical.kind === 'tail' ? ' [tail call]' : frame.physical.kind === 'signal' ? ' <signal handler called>' : '';
    const source = frame.position === undefined ? undefined : this.source(frame.position);
    return {
      id: this.stored.frames.add(at), name: `${frame.name}${suffix}${unknown}`, line: frame.position?.line ?? 0, column: source === undefined ? 0 : Math.max(1, frame.position?.column ?? 1),
      ...(source === undefined ? {} : { source }),
      // References are to the target's memory, not to that of its guest's processes.
      ...(at.inspector === undefined ? { instructionPointerReference: `0x${frame.physical.pc.toString(16)}` } : {}),
      ...(frame.position === undefined ? { presentationHint: 'subtle' as const } : {}),
      ...(inspector.files.length > 1 && frame.physical.file !== undefined ? { moduleId: basename(frame.physical.file.path) } : {}),
    };
  }

  source(position: Pick<SourcePosition, 'file'>): DebugProtocol.Source {
    const path = this.debuggee.sources.shown(position.file);
    return existsSync(path) ? { name: basename(path), path } : { name: basename(path), path, origin: 'source file not found: see sourceFileMap', presentationHint: 'deemphasize' };
  }

  scopes(frameId: number): DebugProtocol.Scope[] {
    const at = this.frameOf(frameId);
    const scope = (kind: 'locals' | 'arguments' | 'statics' | 'registers', name: string, hint: string, expensive: boolean): DebugProtocol.Scope =>
      ({ name, variablesReference: this.stored.containers.add({ kind, at }), expensive, presentationHint: hint });
    const variables = at.frame.variables();
    return [
      ...(variables.some(({ parameter }) => parameter) ? [scope('arguments', 'Arguments', 'arguments', false)] : []),
      ...(at.frame.scope === undefined ? [] : [scope('locals', 'Locals', 'locals', false), scope('statics', 'File Statics', 'globals', true)]),
      scope('registers', 'Registers', 'registers', true),
    ];
  }

  async variables({ variablesReference, start = 0, count = 0, format }: DebugProtocol.VariablesArguments): Promise<DebugProtocol.Variable[]> {
    const container = this.containerOf(variablesReference);
    const options = container.kind === 'value' && format?.hex !== true ? container.options : formatOptions(this.inspectorOf(container.at), format);
    if (container.at !== undefined) this.inspectorOf(container.at).useThread(container.at.thread);
    if (container.kind !== 'value') return this.namedVariables(container.kind, container.at, options);
    const { value, expression, at } = container;
    try {
      const children = await settle(() => childrenOf(value, expression, start, count === 0 ? MOST_CHILDREN : count));
      return await Promise.all(children.map((child) => this.variable(child.name, child.value, child.expression, options, at)));
    } catch (error) {
      if (error instanceof ValueError) return [{ name: '…', value: error.message, variablesReference: 0 }];
      throw error;
    }
  }

  private async namedVariables(kind: Exclude<Container['kind'], 'value'>, at: FrameInThread, options: FormatOptions): Promise<DebugProtocol.Variable[]> {
    const named = await this.valuesOf(kind, at);
    const shown: DebugProtocol.Variable[] = [];
    for (const { name, value } of named) shown.push(await this.variable(name, value, kind === 'registers' ? `$${name}` : name, kind === 'registers' ? { ...options, number: 'hex' } : options, at));
    return shown;
  }

  /** Values of a scope by name. */
  async valuesOf(kind: Exclude<Container['kind'], 'value'>, at: FrameInThread): Promise<{ readonly name: string; readonly value: Value }[]> {
    const inspector = this.inspectorOf(at);
    const { frame, thread } = at;
    const { file } = frame.physical;
    if (kind === 'registers') {
      const values = await inspector.registers(thread);
      return inspector.stub.registers.flatMap(({ name }) => {
        const value = inspector.registerValue(name, at, values);
        return value === undefined ? [] : [{ name, value }];
      });
    }
    if (file === undefined || frame.scope === undefined) return [];
    if (kind === 'statics') {
      const found: { name: string; value: Value }[] = [];
      for (const die of frame.scope.die.unit.root.children()) {
        if (die.tag !== Tag.variable || die.name === undefined || die.name.startsWith('__UNIQUE_ID')) continue;
        const value = await settle(() => staticVariable(inspector.memory, file, die, inspector.map.wordSize));
        if (value.address !== undefined) found.push({ name: die.name, value });
      }
      return found;
    }
    const declared = frame.variables().filter(({ parameter }) => parameter === (kind === 'arguments'));
    // Of variables that hide each other the innermost is first, as the eye expects it.
    const ordered = kind === 'locals' ? [...declared].sort((a, b) => b.depth - a.depth) : declared;
    const found: { name: string; value: Value }[] = [];
    for (const { name, die } of ordered) found.push({ name, value: await settle(() => frameVariable(inspector.memory, file, frame.physical, die)) });
    return found;
  }

  async variable(name: string, value: Value, expression: string | undefined, options: FormatOptions, at: FrameInThread | undefined): Promise<DebugProtocol.Variable> {
    const unfolds = await settle(() => canUnfold(value));
    const elements = unfolds ? elementCount(value) : undefined;
    const reference = at?.inspector === undefined ? await memoryReference(value) : undefined;
    return {
      name, value: await valueText(value, options), type: String(value.type),
      variablesReference: unfolds ? this.stored.containers.add({ kind: 'value', value, expression, options, at }) : 0,
      ...(elements === undefined ? {} : { indexedVariables: elements }), ...(expression === undefined ? {} : { evaluateName: expression }),
      ...(reference === undefined ? {} : { memoryReference: reference }),
      ...(value.place.kind === 'none' ? { presentationHint: { attributes: ['readOnly'] } } : {}),
    };
  }

  async evaluate({ expression, frameId, context, format }: DebugProtocol.EvaluateArguments): Promise<DebugProtocol.EvaluateResponse['body']> {
    const at = frameId === undefined ? undefined : this.frameOf(frameId);
    const inspector = this.inspectorOf(at);
    if (at !== undefined) inspector.useThread(at.thread);
    const monitor = context === 'repl' ? /^\s*(?:-exec\s+)?mon(?:itor)?\s+(.*)$/s.exec(expression)?.[1] : undefined;
    if (monitor !== undefined) {
      const output = await this.debuggee.stub.monitor(monitor);
      this.written();
      if (output === undefined) throw new RequestError(`the stub does not know 'monitor ${monitor}'`);
      return { result: output.trimEnd(), variablesReference: 0 };
    }
    const { expression: text, number, raw } = splitSuffix(expression);
    const value = await inspector.evaluate(text, at);
    const { name: _, value: shown, evaluateName: __, ...rest } = await this.variable('', value, text, formatOptions(inspector, format, number, raw), at);
    return { result: shown, ...rest };
  }

  async setVariable({ variablesReference, name, value, format }: DebugProtocol.SetVariableArguments): Promise<DebugProtocol.SetVariableResponse['body']> {
    const container = this.containerOf(variablesReference);
    const { at } = container;
    const target = container.kind === 'value'
      ? (await settle(() => childrenOf(container.value, container.expression, 0, MOST_CHILDREN))).find((child) => child.name === name)?.value
      : (await this.valuesOf(container.kind, container.at)).find((each) => each.name === name)?.value;
    if (target === undefined) throw new RequestError(`there is no '${name}' any more`);
    return this.assign(target, value, at, format);
  }

  async setExpression({ expression, value, frameId, format }: DebugProtocol.SetExpressionArguments): Promise<DebugProtocol.SetExpressionResponse['body']> {
    const at = frameId === undefined ? undefined : this.frameOf(frameId);
    const target = await this.inspectorOf(at).evaluate(expression, at);
    return this.assign(target, value, at, format);
  }

  private async assign(target: Value, text: string, at: FrameInThread | undefined, format: DebugProtocol.ValueFormat | undefined): Promise<DebugProtocol.SetVariableResponse['body']> {
    const inspector = this.inspectorOf(at);
    await inspector.store(target, text, at);
    this.written();
    const now = await this.reread(target, at);
    return { value: await valueText(now, formatOptions(inspector, format)), type: String(target.type), variablesReference: 0 };
  }

  /** What is there after a write. */
  private async reread(target: Value, at: FrameInThread | undefined): Promise<Value> {
    if (target.place.kind !== 'register' || at === undefined) return target;
    const inspector = this.inspectorOf(at);
    const values = await inspector.registers(at.thread);
    const register = inspector.register(target.place.name);
    const bytes = register === undefined ? undefined : values.get(register.number);
    return bytes === undefined ? target : Value.result(inspector.memory, target.type, integerBytes(littleEndian(bytes), target.size));
  }

  /** Memory is not what it was: the kernel's and its processes' may be the same. */
  private written(): void {
    this.debuggee.inspector.forget();
    this.debuggee.processes.changed();
  }

  /** Names that go on like what stands before the cursor. */
  async completions({ text, column, frameId }: DebugProtocol.CompletionsArguments): Promise<DebugProtocol.CompletionItem[]> {
    const before = text.slice(0, column - 1);
    const [, object, , start = ''] = /([\w$.[\]>()-]+?)(\.|->)(\w*)$/.exec(before) ?? [];
    const at = frameId === undefined ? undefined : this.frameOf(frameId);
    if (object !== undefined) {
      try {
        const value = await this.inspectorOf(at).evaluate(object, at);
        const type = value.plain.kind === 'pointer' ? value.plain.target.stripped.complete : value.plain;
        return memberNames(type).filter((name) => name.startsWith(start)).slice(0, MOST_FRAMES).map((label) => ({ label, type: 'field' }));
      } catch {
        return [];
      }
    }
    const [word = ''] = /[\w$]*$/.exec(before) ?? [];
    if (word === '') return [];
    if (word.startsWith('$')) return this.debuggee.stub.registers.filter(({ name }) => name.startsWith(word.slice(1))).map(({ name }) => ({ label: `$${name}`, type: 'variable' }));
    const locals = at?.frame.variables().map(({ name }) => name).filter((name) => name.startsWith(word)) ?? [];
    const symbols = this.inspectorOf(at).files.flatMap((file) => file.symbols.startingWith(word, MOST_FRAMES));
    return [...new Set([...locals, ...symbols])].slice(0, MOST_FRAMES).map((label) => ({ label, type: locals.includes(label) ? 'variable' : 'function' }));
  }

  frameOf(frameId: number): FrameInThread {
    const at = this.stored.frames.get(frameId);
    if (at === undefined) throw new RequestError('the frame is gone: the target has run since');
    return at;
  }

  threadOf(threadId: number): string {
    const id = this.threads.id(threadId);
    if (id === undefined) throw new RequestError(`there is no thread ${threadId}`);
    return id;
  }

  private containerOf(reference: number): Container {
    const container = this.stored.containers.get(reference);
    if (container === undefined) throw new RequestError('the value is gone: the target has run since');
    return container;
  }
}

function boundary({ title }: UserSide, id: number): DebugProtocol.StackFrame {
  return { id, name: `user process ${title}`, line: 0, column: 0, presentationHint: 'label' };
}

function memberNames(type: Value['type']): string[] {
  return type.members.flatMap((member) => (member.name === undefined ? memberNames(member.type.stripped.complete) : [member.name]));
}
