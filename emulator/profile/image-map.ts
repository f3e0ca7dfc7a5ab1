/** Which program files are mapped where in an address space, now or when it was last looked at. */
import type { Region } from '../memory/address-space.ts';
import { Prot } from '../memory/protection.ts';
import type { CodeFunction, CodeImage } from './code-image.ts';

/** Opens program files by the guest's path; undefined: there is none, or it is no program. */
export type ImageSource = (path: string) => CodeImage | undefined;

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
    const found: MappedImage[] = [];
    for (const { start, end, offset, prot, name } of regions) {
      if ((prot & Prot.exec) === 0 || !name.startsWith('/')) continue;
      const image = this.source(name);
      const own = image?.addressOfOffset(offset);
      if (image === undefined || own === undefined) continue;
      found.push({ start, end, image, bias: start - own });
    }
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
