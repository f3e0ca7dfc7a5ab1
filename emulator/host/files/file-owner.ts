/** SIGIO: who gets it (F_SETOWN, F_SETOWN_EX), as which signal (F_SETSIG), and sending it while O_ASYNC is set. */
import type { Kernel } from '../kernel.ts';
import type { Process } from '../process/process.ts';
import type { Thread } from '../process/thread.ts';
import { sendSignal } from '../signals/send.ts';
import { kernelInfo, pollInfo } from '../signals/signal-info.ts';
import { PollCode, Signal } from '../signals/signal-numbers.ts';
import { Poll, type OpenFile } from './open-file.ts';
import type { Readiness, ReadinessWatcher } from './readiness.ts';

export const OwnerType = { thread: 0, process: 1, group: 2 } as const;
/** si_band for a reason, in the order of PollCode. */
const BANDS: ReadonlyMap<number, number> = new Map([
  [PollCode.IN, Poll.in | Poll.rdnorm],
  [PollCode.OUT, Poll.out | Poll.wrnorm | Poll.wrband],
  [PollCode.ERR, Poll.err],
  [PollCode.HUP, Poll.hup | Poll.err],
]);

export class FileOwner implements ReadinessWatcher {
  private readonly kernel: Kernel;
  private readonly file: OpenFile;
  /** OwnerType of `id`. */
  type: number = OwnerType.process;
  /** Thread, process or group id; 0: nobody. */
  id = 0;
  /** F_SETSIG; 0: SIGIO without details. */
  signal = 0;
  /** Descriptor number told to the receiver. */
  descriptor = -1;
  private source: Readiness | undefined;

  constructor(kernel: Kernel, file: OpenFile) {
    this.kernel = kernel;
    this.file = file;
  }

  /** O_ASYNC was set through descriptor `fd`; -errno if the file cannot do it. */
  start(fd: number): void {
    this.descriptor = fd;
    if (this.source !== undefined) return;
    this.source = this.file.readiness;
    this.source?.watch(this);
  }

  /** O_ASYNC was cleared, or the file closes. */
  stop(_file: OpenFile): void {
    this.source?.unwatch(this);
    this.source = undefined;
  }

  ready(events: number): void {
    if (this.id === 0) return;
    const reasons: number[] = [];
    if ((events & Poll.in) !== 0) reasons.push(PollCode.IN);
    else if ((events & Poll.hup) !== 0) reasons.push(PollCode.HUP);
    if ((events & Poll.out) !== 0) reasons.push(PollCode.OUT);
    for (const reason of reasons) for (const target of this.receivers()) this.send(target, reason);
  }

  private send(target: Thread | Process, reason: number): void {
    if (this.signal !== 0 && sendSignal(this.kernel, target, pollInfo(this.signal, reason, BANDS.get(reason) ?? 0, this.descriptor)) === 0) return;
    sendSignal(this.kernel, target, kernelInfo(Signal.IO));
  }

  private receivers(): (Thread | Process)[] {
    switch (this.type) {
      case OwnerType.thread: {
        const thread = this.kernel.threads.get(this.id);
        return thread === undefined ? [] : [thread];
      }
      case OwnerType.process: {
        const process = this.kernel.processes.get(this.id);
        return process === undefined ? [] : [process];
      }
      default:
        return [...this.kernel.processes.values()].filter((process) => process.group === this.id);
    }
  }
}

/** The file's owner record, made on first use. */
export function ownerOf(kernel: Kernel, file: OpenFile): FileOwner {
  return (file.owner ??= new FileOwner(kernel, file));
}
