/** The functions emitted code imports in one machine: the engine's own and the helpers, each made when first needed. */
import { IMPORT_MODULE } from './module-imports.ts';
import type { Helper, HelperEnvironment } from './semantics/emitter.ts';

export class HelperLibrary {
  readonly importObject: WebAssembly.Imports;
  private readonly functions: Record<string, WebAssembly.ImportValue>;
  private readonly made = new Map<string, Helper>();
  private readonly environment: HelperEnvironment;

  constructor(memory: WebAssembly.Memory, table: WebAssembly.Table, engine: Record<string, WebAssembly.ImportValue>, environment: HelperEnvironment) {
    this.environment = environment;
    this.functions = { memory, table, ...engine };
    this.importObject = { [IMPORT_MODULE]: this.functions };
  }

  /** Adds what some modules import besides, in place of earlier ones of the same names. */
  provide(values: Record<string, WebAssembly.ImportValue>): void {
    Object.assign(this.functions, values);
  }

  has(name: string): boolean {
    return this.made.has(name);
  }

  /** Makes those helpers which are not there yet. Two different helpers of one name are an error. */
  require(helpers: readonly Helper[]): void {
    for (const helper of helpers) {
      const known = this.made.get(helper.name);
      if (known === helper) continue;
      if (known !== undefined || helper.name in this.functions) throw new Error(`two helpers are called ${helper.name}`);
      this.made.set(helper.name, helper);
      this.functions[helper.name] = helper.make(this.environment);
    }
  }
}
