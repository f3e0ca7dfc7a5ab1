/** Profiling of a machine on request: from the command line, over the whole run, or from `monitor profile`, between two points. */
import { writeFileSync } from 'node:fs';
import type { Debugger } from '../emulator/debug/debugger.ts';
import { ElfError } from '../emulator/image/elf.ts';
import { Reg } from '../emulator/cpu/state.ts';
import { CodeImage } from '../emulator/profile/code-image.ts';
import { ProfileFormatError } from '../emulator/profile/formats/gmon.ts';
import { PROFILE_FORMATS, type FormatRow, type ProfileFormat } from '../emulator/profile/formats/table.ts';
import { Profile } from '../emulator/profile/profile.ts';
import { Profiler, type ProfilerOptions } from '../emulator/profile/profiler.ts';
import { Refusal } from './target.ts';

/** A file to write, in a format. */
export interface ProfileRequest {
  readonly format: ProfileFormat;
  readonly path: string;
}

/** Name in UML kernels of the function that loads a jmp_buf of the kernel's own layout (arch/x86/um/setjmp_64.S). */
const LONGJMP = 'kernel_longjmp';
/** Kernel stacks are aligned to their size, which is not more than this. */
const STACK_ALIGNMENT = 0x4000;

/** `FORMAT=FILE`. @throws Refusal */
export function parseProfileRequest(text: string): ProfileRequest {
  const at = text.indexOf('=');
  const format = text.slice(0, Math.max(at, 0));
  if (at < 1 || at === text.length - 1 || !Object.hasOwn(PROFILE_FORMATS, format)) {
    throw new Refusal(`profile ${text}: FORMAT=FILE expected, where FORMAT is one of ${Object.keys(PROFILE_FORMATS).join(', ')}`);
  }
  return { format: format as ProfileFormat, path: text.slice(at + 1) };
}

export class ProfileSession {
  private readonly debug: Debugger;
  private readonly program: string;
  private readonly command: string;
  private readonly readFile: (path: string) => Uint8Array | undefined;
  private readonly images = new Map<string, CodeImage | undefined>();
  private profiler: Profiler | undefined;

  /**
   * @param program path of the debuggee's program
   * @param command what profiles say was run
   * @param readFile contents of a guest file; asked while the guest is there
   */
  constructor(debug: Debugger, program: string, command: string, readFile: (path: string) => Uint8Array | undefined) {
    this.debug = debug;
    this.program = program;
    this.command = command;
    this.readFile = readFile;
  }

  get active(): boolean {
    return this.profiler?.active === true;
  }

  start(options: Omit<ProfilerOptions, 'images'>): void {
    this.profiler ??= this.makeProfiler(options);
    this.profiler.start();
  }

  stop(): void {
    this.profiler?.stop();
  }

  reset(): void {
    this.profiler?.reset();
  }

  /** Writes what was counted; gives a line for each file. @throws Refusal */
  write(requests: readonly ProfileRequest[]): string[] {
    const { profiler } = this;
    if (profiler === undefined) throw new Refusal('nothing has been profiled: start with profile start');
    const image = this.image(this.program);
    if (image === undefined) throw new Refusal(`${this.program} cannot be read any more`);
    const profile = new Profile(profiler);
    const lines = requests.map(({ format, path }) => {
      const row: FormatRow = PROFILE_FORMATS[format];
      if (row.trees && !profiler.options.trees) throw new Refusal(`${format} needs calls, which were not counted`);
      try {
        writeFileSync(path, row.write(profile, image, this.command));
      } catch (error) {
        if (error instanceof ProfileFormatError) throw new Refusal(error.message);
        if (error instanceof Error && 'code' in error) throw new Refusal(`${path}: ${error.message}`);
        throw error;
      }
      return `profile of ${profile.total} retired instructions written to ${path} (${format})`;
    });
    if (profiler.truncated) lines.push('profile: there were more different chains of calls than fit; the rest was counted for their callers');
    return lines;
  }

  private makeProfiler(options: Omit<ProfilerOptions, 'images'>): Profiler {
    const profiler = new Profiler(this.debug.machine, { ...options, images: (path) => this.image(path) });
    const jump = options.trees ? this.taskSwitch() : undefined;
    if (jump !== undefined) {
      this.debug.addProbe(jump, ({ context }) => {
        const buffer = context.gprNumber(Reg.rdi);
        const stack = context.gprNumber(Reg.rsp);
        // A jmp_buf on the stack that is being returned to only skips some of its frames.
        if (Math.floor(buffer / STACK_ALIGNMENT) !== Math.floor(stack / STACK_ALIGNMENT)) profiler.switchStack(buffer);
      });
    }
    return profiler;
  }

  /** Address of the jump with which a UML kernel goes on in another task; the task's jmp_buf is in rdi, its stack pointer loaded. */
  private taskSwitch(): number | undefined {
    const image = this.image(this.program);
    const longjmp = image?.isFixed === true ? image.functions.find(({ name }) => name === LONGJMP) : undefined;
    return image === undefined || longjmp === undefined ? undefined : [...image.instructions(longjmp.low, longjmp.high)].at(-1);
  }

  private image(path: string): CodeImage | undefined {
    if (!this.images.has(path)) this.images.set(path, this.open(path));
    return this.images.get(path);
  }

  private open(path: string): CodeImage | undefined {
    const bytes = this.readFile(path);
    try {
      return bytes === undefined ? undefined : new CodeImage(bytes, path);
    } catch (error) {
      if (error instanceof ElfError) return undefined;
      throw error;
    }
  }
}
