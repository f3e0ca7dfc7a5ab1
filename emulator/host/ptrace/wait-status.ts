/** What wait4 and waitid are told of stops: those of tracees, and job control of children. */
import type { Process } from '../process/process.ts';
import type { Thread } from '../process/thread.ts';
import { Signal } from '../signals/signal-numbers.ts';

const STOPPED = 0x7f;
const CONTINUED = 0xffff;

/**
 * The wait status of a tracee's stop which its tracer has not yet seen, undefined if there is none.
 * @param consume false for WNOWAIT
 */
export function reportTrace(tracee: Thread, consume: boolean): number | undefined {
  const stop = tracee.signals.traceStop;
  if (stop === undefined || stop.reported || stop.resumed || tracee.state.kind !== 'traced') return undefined;
  if (consume) stop.reported = true;
  return (stop.code << 8) | STOPPED;
}

/** The wait status of a child's stop (WUNTRACED) or continuing (WCONTINUED) which its parent has not yet seen. Not for children the waiter traces. */
export function reportStop(child: Process, wants: { readonly stopped: boolean; readonly continued: boolean }, consume: boolean): number | undefined {
  const { signals } = child;
  if (signals.unreported === 'stopped' && wants.stopped) {
    if (consume) signals.unreported = undefined;
    return (signals.stopSignal << 8) | STOPPED;
  }
  if (signals.unreported === 'continued' && wants.continued) {
    if (consume) signals.unreported = undefined;
    return CONTINUED;
  }
  return undefined;
}

/** Status codes a reported stop or continuing has in waitid's siginfo: si_status. */
export function stoppedSignal(status: number): number {
  return status === CONTINUED ? Signal.CONT : (status >> 8) & 0xffff;
}
