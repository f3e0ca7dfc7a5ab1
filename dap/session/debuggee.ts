/** Everything about one target: the stub, its symbols, breakpoints, running and stepping. */
import { ElfType } from '../../emulator/image/elf.ts';
import { BreakpointSet } from '../breakpoints/breakpoint-set.ts';
import { compileProgram } from '../breakpoints/program-compiler.ts';
import { Stub } from '../rsp/stub.ts';
import { SymbolFile, SymbolFileError } from '../symbols/symbol-file.ts';
import { Execution } from './execution.ts';
import { Inspector } from './inspector.ts';
import type { LaunchAttributes } from './launch-attributes.ts';
import { ModuleSymbols } from './module-symbols.ts';
import { SourceMap } from './source-map.ts';
import { Stepper } from './stepper.ts';
import { UserProcesses } from './user-processes.ts';

export interface DebuggeeEvents {
  readonly log: ((line: string) => void) | undefined;
  /** Something the user should know, which is no error. */
  readonly tell: (text: string) => void;
}

export class Debuggee {
  readonly stub: Stub;
  readonly inspector: Inspector;
  readonly breakpoints: BreakpointSet;
  readonly execution: Execution;
  readonly stepper: Stepper;
  readonly sources: SourceMap;
  readonly modules: ModuleSymbols;
  readonly processes: UserProcesses;

  private constructor(stub: Stub, attributes: LaunchAttributes, events: DebuggeeEvents) {
    this.stub = stub;
    this.inspector = new Inspector(stub);
    this.breakpoints = new BreakpointSet(stub, this.inspector, (breakpoint, location) => compileProgram(this.inspector, breakpoint, location));
    this.execution = new Execution(stub, this.inspector, this.breakpoints);
    this.stepper = new Stepper(this.execution);
    this.sources = new SourceMap(attributes.sourceFileMap);
    this.modules = new ModuleSymbols(stub, this.inspector, attributes.modulePath, events.tell);
    this.processes = new UserProcesses(stub, this.inspector);
    this.execution.onLibraries = async () => {
      if (await this.modules.refresh()) await this.breakpoints.replaceAll();
    };
  }

  /** @throws RspError, SymbolFileError */
  static async connect(host: string, port: number, attributes: LaunchAttributes, events: DebuggeeEvents, symbols?: SymbolFile): Promise<Debuggee> {
    const stub = await Stub.connect(host, port, events.log);
    try {
      const debuggee = new Debuggee(stub, attributes, events);
      debuggee.addProgram(symbols ?? SymbolFile.open(attributes.program), events, await stub.loadOffset());
      return debuggee;
    } catch (error) {
      stub.client.end();
      throw error;
    }
  }

  private addProgram(probe: SymbolFile, events: DebuggeeEvents, loadOffset: bigint): void {
    const { path: program, elf } = probe;
    const expected = this.inspector.map.wordSize;
    if (elf.header.wordSize !== expected) throw new SymbolFileError(`${program} is a ${elf.header.wordSize * 8}-bit program, the target a ${expected * 8}-bit one: is it the right file?`);
    // Only a position-independent program can be elsewhere.
    const offset = elf.header.type === ElfType.shared ? Number(loadOffset) : 0;
    const file = offset === 0 ? probe : SymbolFile.open(program, offset);
    if (!file.info.hasTypes) events.tell(`${program} has no debug information (CONFIG_DEBUG_INFO): no source lines or variables, only symbols and disassembly.\n`);
    this.inspector.addFile(file);
  }
}
