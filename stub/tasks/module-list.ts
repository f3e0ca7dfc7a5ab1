/** Loadable modules of a kernel (struct module, by what fields it has). */
import type { GuestObject } from './guest-object.ts';
import type { KernelView } from './kernel-view.ts';

export interface LoadedModule {
  readonly name: string;
  /** `live`, `coming`, `going`, `unformed` (enum module_state). */
  readonly state: string;
  /** Where its code begins. */
  readonly address: number;
  /** Bytes of code and data that stay loaded. */
  readonly size: number;
  readonly object: GuestObject;
}

const STATES = ['live', 'coming', 'going', 'unformed'];
/** Kinds of memory (enum mod_mem_type) that stay: text, data, read-only data, read-only after init. */
const STAYING = 4;

function place(module: GuestObject): { readonly address: number; readonly size: number } {
  if (module.has('mem')) {
    const parts = Array.from({ length: STAYING }, (_, kind) => module.at(`mem[${kind}]`));
    return { address: parts[0].number('base'), size: parts.reduce((sum, part) => sum + part.number('size'), 0) };
  }
  const base = module.first('core_layout.base', 'module_core');
  const size = module.first('core_layout.size', 'core_size');
  return { address: base?.number() ?? 0, size: size?.number() ?? 0 };
}

/** Undefined for a kernel that cannot load modules. @throws LayoutError @throws GuestDataError */
export function listModules(kernel: KernelView): LoadedModule[] | undefined {
  const head = kernel.find('modules');
  const type = kernel.image.type('struct module');
  if (head === undefined || type?.member('list') === undefined) return undefined;
  return [...head.list(type, 'list')].map((object) => ({
    name: object.text('name'), state: STATES[object.number('state')] ?? 'unknown', object, ...place(object),
  }));
}
