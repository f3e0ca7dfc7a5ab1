/** All packets, found by their first bytes. */
import type { PacketRow } from '../packet.ts';
import { breakpointPackets } from './breakpoints.ts';
import { connectionPackets } from './connection.ts';
import { filePackets } from './files.ts';
import { lldbPackets } from './lldb.ts';
import { memoryPackets } from './memory.ts';
import { monitorPackets } from './monitor.ts';
import { nonStopPackets } from './non-stop.ts';
import { registerPackets } from './registers.ts';
import { resumePackets } from './resume.ts';
import { signalPackets } from './signals.ts';
import { supportedPackets } from './supported.ts';
import { syscallPackets } from './syscalls.ts';
import { threadPackets } from './threads.ts';
import { transferPackets } from './transfer.ts';
import { variablePackets } from './variables.ts';

export const PACKETS: readonly PacketRow[] = [
  ...supportedPackets, ...connectionPackets, ...registerPackets, ...memoryPackets, ...threadPackets, ...resumePackets,
  ...breakpointPackets, ...transferPackets, ...signalPackets, ...filePackets, ...syscallPackets, ...lldbPackets, ...nonStopPackets, ...monitorPackets, ...variablePackets,
];

/** Longest prefixes first, so that `qCRC:` is not taken for `qC`. */
const BY_LENGTH = PACKETS.toSorted((a, b) => b.prefix.length - a.prefix.length);
const DELIMITERS = ':;,?';

/** The row for a body; undefined: a packet we do not know, to be answered with an empty reply. */
export function findPacket(body: Buffer): PacketRow | undefined {
  const head = body.subarray(0, 64).toString('latin1');
  return BY_LENGTH.find(({ prefix }) => {
    if (!head.startsWith(prefix)) return false;
    if (head.length === prefix.length || !/^[qQv]/.test(prefix) || /[:;,?]$/.test(prefix)) return true;
    return DELIMITERS.includes(head[prefix.length]);
  });
}
