/** Puts finished functions together into a WebAssembly module (binary format, core specification section 5). */
import { ByteSink, VALTYPE_CODE, type FunctionBody, type ValType } from './function-builder.ts';

interface ImportedFunction {
  readonly module: string;
  readonly name: string;
  readonly type: number;
}

/** One module under construction. Imported functions come first in the function index space, so declare them before adding bodies. */
export class ModuleBuilder {
  private readonly types: string[] = [];
  private readonly typeBytes: Uint8Array[] = [];
  private readonly imports: ImportedFunction[] = [];
  private readonly functions: { type: number; body: FunctionBody }[] = [];
  private readonly exports: { name: string; index: number }[] = [];
  private readonly memories: { module: string; name: string; pages: number }[] = [];
  private table: { module: string; name: string } | undefined;

  /** Index of a function type, shared between equal ones. */
  type(params: readonly ValType[], results: readonly ValType[]): number {
    const key = `${params.join()}>${results.join()}`;
    const known = this.types.indexOf(key);
    if (known >= 0) return known;
    const sink = new ByteSink();
    sink.u8(0x60);
    for (const list of [params, results]) {
      sink.u32(list.length);
      for (const type of list) sink.u8(VALTYPE_CODE[type]);
    }
    this.typeBytes.push(sink.take());
    return this.types.push(key) - 1;
  }

  /** Imports the next memory (0, 1 …) with the given minimum (64 KiB pages). */
  importMemory(module: string, name: string, pages: number): void {
    this.memories.push({ module, name, pages });
  }

  /** Imports function table 0. */
  importTable(module: string, name: string): void {
    this.table = { module, name };
  }

  /** Imports a function and returns its index. */
  importFunction(module: string, name: string, params: readonly ValType[], results: readonly ValType[]): number {
    if (this.functions.length > 0) throw new Error('imports must be declared before functions');
    return this.imports.push({ module, name, type: this.type(params, results) }) - 1;
  }

  /** Adds a function and returns its index. */
  add(body: FunctionBody, exportName?: string): number {
    const index = this.imports.length + this.functions.push({ type: this.type(body.params, body.results), body }) - 1;
    if (exportName !== undefined) this.exports.push({ name: exportName, index });
    return index;
  }

  /** Index which the next `add` will return: for recursive calls. */
  get nextFunctionIndex(): number {
    return this.imports.length + this.functions.length;
  }

  /** The module's bytes. */
  finish(): Uint8Array<ArrayBuffer> {
    const out = new ByteSink();
    out.append(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    const section = (id: number, fill: (sink: ByteSink) => void): void => {
      const sink = new ByteSink();
      fill(sink);
      out.u8(id);
      out.u32(sink.length);
      out.append(sink.bytes.subarray(0, sink.length));
    };
    section(1, (s) => {
      s.u32(this.typeBytes.length);
      for (const type of this.typeBytes) s.append(type);
    });
    section(2, (s) => this.importSection(s));
    section(3, (s) => {
      s.u32(this.functions.length);
      for (const f of this.functions) s.u32(f.type);
    });
    section(7, (s) => {
      s.u32(this.exports.length);
      for (const e of this.exports) {
        name(s, e.name);
        s.u8(0);
        s.u32(e.index);
      }
    });
    const locals = this.functions.map((f) => localsHeader(f.body.locals));
    if (this.functions.some((f) => f.body.hints.length > 0)) section(0, (s) => this.hintSection(s, locals));
    section(10, (s) => {
      s.u32(this.functions.length);
      this.functions.forEach((f, i) => {
        s.u32(locals[i].length + f.body.code.length);
        s.append(locals[i]);
        s.append(f.body.code);
      });
    });
    return new Uint8Array(out.take());
  }

  private importSection(s: ByteSink): void {
    s.u32(this.imports.length + this.memories.length + (this.table ? 1 : 0));
    for (const f of this.imports) {
      name(s, f.module);
      name(s, f.name);
      s.u8(0);
      s.u32(f.type);
    }
    for (const memory of this.memories) {
      name(s, memory.module);
      name(s, memory.name);
      s.u8(2);
      s.u8(0);
      s.u32(memory.pages);
    }
    if (this.table) {
      name(s, this.table.module);
      name(s, this.table.name);
      s.u8(1);
      s.u8(0x70);
      s.u8(0);
      s.u32(0);
    }
  }

  // metadata.code.branch_hint: offsets count from the start of the locals vector.
  private hintSection(s: ByteSink, locals: readonly Uint8Array[]): void {
    name(s, 'metadata.code.branch_hint');
    const hinted = this.functions.map((f, i) => ({ f, i })).filter(({ f }) => f.body.hints.length > 0);
    s.u32(hinted.length);
    for (const { f, i } of hinted) {
      s.u32(this.imports.length + i);
      s.u32(f.body.hints.length);
      for (const [offset, likely] of f.body.hints) {
        s.u32(offset + locals[i].length);
        s.u8(1);
        s.u8(likely ? 1 : 0);
      }
    }
  }
}

function name(sink: ByteSink, text: string): void {
  const bytes = new TextEncoder().encode(text);
  sink.u32(bytes.length);
  sink.append(bytes);
}

function localsHeader(locals: readonly ValType[]): Uint8Array {
  const runs: [ValType, number][] = [];
  for (const type of locals) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] === type) last[1]++;
    else runs.push([type, 1]);
  }
  const sink = new ByteSink();
  sink.u32(runs.length);
  for (const [type, count] of runs) {
    sink.u32(count);
    sink.u8(VALTYPE_CODE[type]);
  }
  return sink.take();
}
