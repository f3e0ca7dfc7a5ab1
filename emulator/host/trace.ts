/** What the machine tells about itself (`--trace=syscall,signal`): named channels, one line at a time. */

export const TRACE_CHANNELS = ['syscall', 'signal', 'exec', 'ptrace', 'fault', 'process'] as const;
export type TraceChannel = (typeof TRACE_CHANNELS)[number];

export class Trace {
  private readonly enabled: Set<TraceChannel>;
  private readonly sink: (line: string) => void;
  private readonly warned = new Set<string>();

  constructor(channels: Iterable<TraceChannel> = [], sink: (line: string) => void = (line) => process.stderr.write(`${line}\n`)) {
    this.enabled = new Set(channels);
    this.sink = sink;
  }

  on(channel: TraceChannel): boolean {
    return this.enabled.has(channel);
  }

  set(channel: TraceChannel, on: boolean): void {
    if (on) this.enabled.add(channel);
    else this.enabled.delete(channel);
  }

  line(channel: TraceChannel, text: string): void {
    if (this.enabled.has(channel)) this.sink(text);
  }

  /** Something the machine cannot do and the user should hear of, traced or not; each text once. */
  warn(text: string): void {
    if (this.warned.has(text)) return;
    this.warned.add(text);
    this.sink(`skas: ${text}`);
  }
}
