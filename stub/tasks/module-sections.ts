/** Where a module's sections are in memory (struct module_sect_attrs, which CONFIG_KALLSYMS and CONFIG_SYSFS bring). */
import type { GuestObject } from './guest-object.ts';
import type { LoadedModule } from './module-list.ts';

/** More than any file has. */
const MOST = 4096;
/** Kinds of memory there may be. */
const MEMORIES = 16;

/** Where the module has memory now: that of its initialisation is given back when that is done. */
function ranges(module: GuestObject): readonly (readonly [number, number])[] {
  if (module.has('mem')) {
    return Array.from({ length: Math.min(module.at('mem').length ?? 0, MEMORIES) }, (_, i) => {
      const memory = module.at(`mem[${i}]`);
      return [memory.number('base'), memory.number('size')] as const;
    });
  }
  return [['core_layout.base', 'core_layout.size'], ['init_layout.base', 'init_layout.size'], ['module_core', 'core_size'], ['module_init', 'init_size']].flatMap(([base, size]) =>
    (module.has(base) && module.has(size) ? [[module.number(base), module.number(size)] as const] : []));
}

/** Addresses by section name; undefined: this kernel does not keep them. @throws LayoutError @throws GuestDataError */
export function moduleSections({ object }: LoadedModule): ReadonlyMap<string, number> | undefined {
  const attributes = object.find('sect_attrs')?.follow();
  if (attributes === undefined) return undefined;
  const entries = attributes.at('attrs');
  const inMemory = ranges(object).filter(([base, size]) => base !== 0 && size > 0);
  const sections = new Map<string, number>();
  // Since 6.14 the list ends with an empty group entry instead of saying how long it is.
  const count = attributes.find('nsections')?.number() ?? MOST;
  for (let i = 0; i < Math.min(count, MOST); i++) {
    const entry = entries.element(i);
    const name = entry.first('battr.attr.name', 'attr.name', 'name', 'mattr.attr.name')?.text() ?? '';
    if (name === '') break;
    const address = entry.first('address', 'private')?.number() ?? 0;
    if (inMemory.some(([base, size]) => address >= base && address < base + size)) sections.set(name, address);
  }
  return sections;
}
