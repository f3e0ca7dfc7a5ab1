/** Profiling of a machine on request: from the command line, over the whole run, or from `monitor profile`, between two points. */
import type { Debugger } from '../emulator/debug/debugger.ts';
import { ElfError } from '../emulator/image/elf.ts';
import { Reg } from '../emulator/cpu/state.ts';
import { CodeImage } from '../emulator/profile/code-image.ts';
import { ProfileFormatError } from '../emulator/profile/formats/gmon.ts';
import { PROFILE_FORMATS, type FormatRow } from '../emulator/profile/formats/table.ts';
import type { ProfileFilter } from '../emulator/profile/filter.ts';
import { Profile } from '../emulator/profile/profile.ts';
import { Profiler, type ProfilerOptions } from '../emulator/profile/profiler.ts';
import type { MonitorCommand } from './monitor-commands.ts';
import { isFilterWord, parseProfileFilter, parseProfileRequest, type ProfileRequest } from './profile-request.ts';
import { Refusal } from './target.ts';
import type { GuestPrograms } from './tasks/guest-programs.ts';
import { writeWhole } from './whole-file.ts';

/** Name in UML kernels of the function that loads a jmp_buf of the kernel's own layout (arch/x86/um/setjmp_64.S). */
const LONGJMP = 'kernel_longjmp';
/** Kernel stacks are aligned to their size, which is not more than this. */
const STACK_ALIGNMENT = 0x4000;

/** What is to be counted: call trees, too? Names of a kernel's tasks? The first process, or all? */
export interface ProfileOptions extends Pick<ProfilerOptions, 'trees' | 'scope'> {
  readonly tasks: boolean;
}

export class ProfileSession {
  private readonly debug: Debugger;
  private readonly program: string;
  private readonly commandLine: string;
  private readonly readFile: (path: string) => Uint8Array | undefined;
  private readonly images = new Map<string, CodeImage | undefined>();
  private readonly guests: GuestPrograms | undefined;
  private profiler: Profiler | undefined;

  /**
   * @param program path of the debuggee's program
   * @param commandLine what profiles say was run
   * @param readFile contents of a guest file; asked while the guest is there
   * @param guests tells of the processes of a kernel, where the program is one
   */
  constructor(debug: Debugger, program: string, commandLine: string, readFile: (path: string) => Uint8Array | undefined, guests?: GuestPrograms) {
    this.guests = guests;
    this.debug = debug;
    this.program = program;
    this.commandLine = commandLine;
    this.readFile = readFile;
  }

  get active(): boolean {
    return this.profiler?.active === true;
  }

  /** @throws Refusal when something else has been counted before */
  start(options: ProfileOptions): void {
    this.profiler ??= this.makeProfiler(options);
    const { scope, trees } = this.profiler.options;
    if (scope !== options.scope || (options.trees && !trees)) throw new Refusal(`counting has begun ${scope === 'all' ? 'for all processes' : 'for the first process'}${trees ? '' : ', without calls'}; that stays`);
    this.profiler.start();
  }

  stop(): void {
    this.profiler?.stop();
  }

  reset(): void {
    this.profiler?.reset();
  }

  /** Writes what was counted; gives a line for each file. @throws Refusal */
  write(requests: readonly ProfileRequest[], filter: ProfileFilter = {}): string[] {
    const { profiler } = this;
    if (profiler === undefined) throw new Refusal('nothing has been profiled: start with profile start');
    const image = this.image(this.program);
    if (image === undefined) throw new Refusal(`${this.program} cannot be read any more`);
    const profile = new Profile(profiler, filter);
    const lines = requests.map(({ format, path }) => {
      const row: FormatRow = PROFILE_FORMATS[format];
      if (row.trees && !profiler.options.trees) throw new Refusal(`${format} needs calls, which were not counted`);
      try {
        writeWhole(path, row.write(profile, image, this.commandLine));
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

  /** `monitor profile …`. */
  get command(): MonitorCommand {
    return {
      name: 'profile', arguments: 'start [all]|stop|reset|write FORMAT=FILE… [functions=REGEX] [files=REGEX] [tasks=REGEX]', help: 'count executed instructions exactly, of the kernel or of all processes',
      run: (rest) => this.obey(rest.trim().split(/\s+/)),
    };
  }

  private obey([verb = '', ...words]: readonly string[]): string {
    switch (verb) {
      case 'start':
        if (words.length > 1 || (words.length === 1 && words[0] !== 'all')) throw new Refusal('profile start, or profile start all');
        this.start({ trees: true, tasks: true, scope: words[0] === 'all' ? 'all' : 'debuggee' });
        return 'Counting.\n';
      case 'stop':
        this.stop();
        return 'Stopped; what was counted stays until profile reset.\n';
      case 'reset':
        this.reset();
        return 'Forgotten.\n';
      case 'write':
        return this.writeNamed(words);
      default:
        return this.active ? 'Counting. profile stop, write or reset.\n' : 'Not counting. profile start begins.\n';
    }
  }

  private writeNamed(words: readonly string[]): string {
    const filters = words.filter(isFilterWord);
    const requests = words.filter((word) => !isFilterWord(word)).map(parseProfileRequest);
    if (requests.length === 0) throw new Refusal('profile write needs FORMAT=FILE');
    return this.write(requests, parseProfileFilter(filters)).map((line) => `${line}\n`).join('');
  }

  /** Of a function of the program, if that has fixed addresses. */
  addressOf(name: string): number | undefined {
    const image = this.image(this.program);
    return image?.isFixed === true ? image.functions.find((each) => each.name === name)?.low : undefined;
  }

  private makeProfiler({ trees, scope, tasks }: ProfileOptions): Profiler {
    const { guests } = this;
    // The processes of a kernel have their programs by its tasks.
    const named = guests !== undefined && (tasks || scope === 'all');
    const profiler = new Profiler(this.debug.machine, { trees, scope, images: (path) => this.image(path), ...(named ? { guests: () => guests.current() } : {}) });
    const jump = trees ? this.taskSwitch() : undefined;
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
