/** What the processes of a UML kernel run: the current task, and the programs and libraries it has mapped, out of the guest's page cache. For profiles. */
import { CodeImage } from '../../emulator/profile/code-image.ts';
import type { ImageMapping } from '../../emulator/profile/image-map.ts';
import type { GuestTask } from '../../emulator/profile/profiler.ts';
import { DwarfError } from '../../emulator/image/dwarf/dwarf-error.ts';
import { ElfError } from '../../emulator/image/elf.ts';
import type { DebuggeeKernel } from './debuggee-kernel.ts';
import { GuestDataError, LayoutError, type GuestObject } from './guest-object.ts';
import type { KernelView } from './kernel-view.ts';
import { AreaFlag, memoryAreas } from './memory-areas.ts';
import { cachedFile } from './page-cache.ts';
import { PageTables } from './page-tables.ts';
import { fileInode, filePath } from './paths.ts';
import { currentTasks } from './task-list.ts';
import { Task } from './task.ts';

export class GuestPrograms {
  private readonly debuggee: DebuggeeKernel;
  /** By inode; undefined: it cannot be read, or is no program. */
  private readonly images = new Map<number, CodeImage | undefined>();

  constructor(debuggee: DebuggeeKernel) {
    this.debuggee = debuggee;
  }

  /** The task the kernel runs now; undefined: there is none, or the kernel says nothing about itself. */
  current(): GuestTask | undefined {
    const { kernel } = this.debuggee;
    if (kernel === undefined) return undefined;
    return readable(() => {
      const [object] = currentTasks(kernel);
      if (object === undefined) return undefined;
      const task = new Task(object);
      const mm = object.follow('mm');
      return {
        name: task.comm, pid: task.process, tid: task.pid, memory: mm?.address ?? 0, end: mm?.find('task_size')?.number() ?? Infinity, mappings: mm === undefined ? '' : `${mm.address} ${mm.number('map_count')}`,
        images: () => (mm === undefined ? [] : (readable(() => this.mapped(kernel, mm)) ?? [])),
      };
    });
  }

  private mapped(kernel: KernelView, mm: GuestObject): ImageMapping[] {
    const found: ImageMapping[] = [];
    for (const { start, end, flags, file, fileOffset } of memoryAreas(kernel, mm)) {
      if (file === undefined || (flags & AreaFlag.execute) === 0) continue;
      const image = this.image(kernel, file);
      if (image !== undefined) found.push({ start, end, offset: fileOffset, image });
    }
    return found;
  }

  private image(kernel: KernelView, file: GuestObject): CodeImage | undefined {
    const inode = fileInode(file);
    const mapping = file.follow('f_mapping');
    if (inode === undefined || mapping === undefined) return undefined;
    if (!this.images.has(inode.address)) {
      this.images.set(inode.address, readable(() => new CodeImage(cachedFile(kernel, new PageTables(kernel), mapping, inode.number('i_size')), filePath(kernel, file))));
    }
    return this.images.get(inode.address);
  }
}

/** Undefined when the guest's data cannot be read, or are of a file that is no program. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof GuestDataError || error instanceof LayoutError || error instanceof DwarfError || error instanceof ElfError) return undefined;
    throw error;
  }
}
