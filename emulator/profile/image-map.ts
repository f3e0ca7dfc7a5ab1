/** Which program files are mapped where in an address space, now or when it was last looked at. */
import type { Region } from '../memory/address-space.ts';
import { Prot } from '../memory/protection.ts';
import type { CodeFunction, CodeImage } from './code-image.ts';

/** Opens program files by the guest's path; undefined: there is none, or it is no program. */
export type ImageSource = (path: string) => CodeImage | undefined;

/** A stretch of a program file that is mapped. */
export interface ImageMapping {
  readonly start: number;
  readonly end: number;
  /** Of `start` in the file, bytes. */
  readonly offset: number;
  readonly image: CodeImage;
}

interface MappedImage {
  readonly start: number;
  readonly end: number;
  readonly image: CodeImage;
  /** Address in memory minus the file's own. */
  readonly bias: number;
}

export class ImageMap {
  private mapped: MappedImage[] = [];
  private readonly source: ImageSource;

  constructor(source: ImageSource) {
    this.source = source;
  }

  /**
   * Takes what is mapped now; what was mapped before and is not covered stays.
   * @param memory reads code, where it is to be compared with the file's
   */
  update(regions: readonly Region[], memory?: (address: number, into: Uint8Array) => number): void {
    const mappings = regions.flatMap(({ start, end, offset, prot, name }): ImageMapping[] => {
      const image = (prot & Prot.exec) === 0 || !name.startsWith('/') ? undefined : this.source(name);
      return image === undefined ? [] : [{ start, end, offset, image }];
    });
    this.add(mappings, memory);
  }

  /** As {@link update}, of files that are open already. */
  add(mappings: readonly ImageMapping[], memory?: (address: number, into: Uint8Array) => number): void {
    const found = mappings.flatMap(({ start, end, offset, image }): MappedImage[] => {
      const own = image.addressOfOffset(offset);
      return own === undefined ? [] : [{ start, end, image, bias: start - own }];
    });
    for (const { start, end, image, bias } of memory === undefined ? [] : [...found, ...this.mapped]) {
      const code = new Uint8Array(end - start);
      const read = memory?.(start, code) ?? 0;
      image.compare(start - bias, code.subarray(0, read));
    }
    const old = this.mapped.filter((m) => !found.some((n) => n.start < m.end && m.start < n.end));
    this.mapped = [...found, ...old].sort((a, b) => a.start - b.start);
  }

  at(address: number): MappedImage | undefined {
    return this.mapped.find(({ start, end }) => start <= address && address < end);
  }

  /** Function at an address in memory. */
  functionAt(address: number): CodeFunction | undefined {
    const mapped = this.at(address);
    return mapped?.image.functionAt(address - mapped.bias);
  }
}
