/** Tells the client that the kernel it launched is booting: while it runs, until it starts its first program. */
import { ProgressEndEvent, ProgressStartEvent } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';

/** Kernels start their first program with one of these (init/main.c); all that exist are used. */
export const FIRST_PROGRAM = ['run_init_process', 'try_to_run_init_process'] as const;
/** What a log point there says, to us. */
export const BOOTED = '[the kernel has booted]';

export class BootProgress {
  private readonly title: string;
  private readonly send: (event: DebugProtocol.Event) => void;
  private shown: string | undefined;
  private times = 0;
  private booted = false;

  constructor(program: string, send: (event: DebugProtocol.Event) => void) {
    this.title = `Booting ${program}`;
    this.send = send;
  }

  resumed(): void {
    if (this.booted || this.shown !== undefined) return;
    this.shown = `boot ${++this.times}`;
    this.send(new ProgressStartEvent(this.shown, this.title, 'up to its first program'));
  }

  stopped(): void {
    if (this.shown !== undefined) this.send(new ProgressEndEvent(this.shown));
    this.shown = undefined;
  }

  /** Takes what log points say. True: it was ours. */
  hears(text: string): boolean {
    if (text.trimEnd() !== BOOTED) return false;
    this.booted = true;
    this.stopped();
    return true;
  }
}
