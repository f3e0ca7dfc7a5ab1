/** The two forms in which gdb takes lists of libraries: as System V's link maps, and by the addresses of sections. */
import type { LinkMap } from './link-map.ts';

/** A module of the kernel, as files that a client can open. */
export interface ModuleLibrary {
  /** Linked to where it is. */
  readonly path: string;
  /** For clients that do that themselves. */
  readonly unlinkedPath: string;
  /** Address of its struct module. */
  readonly address: number;
  /** Addresses of the sections that are in memory, in the order of the file. */
  readonly sections: readonly number[];
}

const text = (value: string): string => value.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

export function svr4Document(map: LinkMap | undefined, modules: readonly ModuleLibrary[]): string {
  const main = map === undefined ? '' : ` main-lm="${hex(map.main)}"`;
  const libraries = (map?.libraries ?? []).map((library) =>
    `<library name="${text(library.path)}" lm="${hex(library.map)}" l_addr="${hex(library.base)}" l_ld="${hex(library.dynamic)}" lmid="${hex(map?.namespace ?? 0)}"/>`);
  // Their files are made for where they are.
  const linked = modules.map(({ path, address }) => `<library name="${text(path)}" lm="${hex(address)}" l_addr="0x0" l_ld="0x0" lmid="${hex(map?.namespace ?? 0)}"/>`);
  return `<library-list-svr4 version="1.0"${main}>${[...libraries, ...linked].join('')}</library-list-svr4>`;
}

export function sectionsDocument(modules: readonly ModuleLibrary[]): string {
  const libraries = modules.map(({ unlinkedPath, sections }) => `<library name="${text(unlinkedPath)}">${sections.map((address) => `<section address="${hex(address)}"/>`).join('')}</library>`);
  return `<library-list>${libraries.join('')}</library-list>`;
}
