/** What `--trace=ptrace` prints: every request with its name, every stop with its reason. */
import type { Thread } from '../process/thread.ts';
import { signalName } from '../signals/signal-numbers.ts';
import type { SyscallCall, SyscallResult } from '../syscall.ts';
import { Request } from './requests.ts';
import type { TraceStop } from './trace-stop.ts';

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(Request).map(([name, number]) => [number, name]));

export function traceRequest(call: SyscallCall, result: SyscallResult): void {
  const { trace } = call.thread.kernel;
  if (!trace.on('ptrace')) return;
  const [request, pid, address, data] = call.args;
  trace.line('ptrace', `[${call.thread.tid}] ptrace(${NAMES.get(request) ?? request}, ${pid}, 0x${address.toString(16)}, 0x${data.toString(16)}) = ${String(result)}`);
}

export function traceStop(thread: Thread, stop: TraceStop): void {
  const { trace } = thread.kernel;
  if (!trace.on('ptrace')) return;
  const what = stop.kind === 'signal' ? signalName(stop.code) : `${stop.kind} 0x${stop.code.toString(16)}`;
  trace.line('ptrace', `[${thread.tid}] stops: ${what}, orig_rax ${thread.origRax}, rip 0x${thread.context.rip.toString(16)}`);
}
