/** A running kernel seen through its own debug information: variables and structures by name, in memory as it is now. */
import type { DwarfType } from '../../emulator/image/dwarf/types.ts';
import { GuestObject, LayoutError, type GuestMemory } from './guest-object.ts';
import type { KernelImage } from './kernel-image.ts';

export class KernelView {
  readonly image: KernelImage;
  readonly memory: GuestMemory;

  constructor(image: KernelImage, memory: GuestMemory) {
    this.image = image;
    this.memory = memory;
  }

  /** A global or static variable; undefined when this kernel has none of this name. */
  find(name: string): GuestObject | undefined {
    const found = this.image.variable(name);
    return found === undefined ? undefined : new GuestObject(this.memory, found.type, found.address);
  }

  /** A variable that every kernel has. @throws LayoutError */
  variable(name: string): GuestObject {
    const found = this.find(name);
    if (found === undefined) throw new LayoutError(`the kernel has no variable ${name}`);
    return found;
  }

  /** A variable's copy for a CPU. In a kernel for one CPU per-cpu variables are ordinary ones. */
  perCpu(name: string, cpu: number): GuestObject | undefined {
    const found = this.find(name);
    const offsets = this.find('__per_cpu_offset');
    if (found === undefined || offsets === undefined) return found;
    return new GuestObject(this.memory, found.type, Number(BigInt.asUintN(64, BigInt(found.address) + offsets.element(cpu).integer())));
  }

  /** A type that every kernel has. @throws LayoutError */
  type(name: string): DwarfType {
    const found = this.image.type(name);
    if (found === undefined) throw new LayoutError(`the kernel has no type ${name}`);
    return found;
  }

  object(type: DwarfType | string, address: number): GuestObject {
    return new GuestObject(this.memory, typeof type === 'string' ? this.type(type) : type, address);
  }

  /** `schedule+0x1c/0x80` as the kernel itself writes code addresses (`%pS`); undefined without a symbol. */
  code(address: number): string | undefined {
    const symbol = this.image.functionAt(address);
    if (symbol === undefined) return undefined;
    return `${symbol.name}+0x${(address - symbol.address).toString(16)}/0x${symbol.size.toString(16)}`;
  }
}
