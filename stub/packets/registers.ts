/** Registers: `g`, `G` (all of the selected thread), `p`, `P` (one). Unavailable ones read as `xx`. */
import { hexBytes, hexNumber, nothing, split, text } from '../fields.ts';
import { PacketErrno, PacketError, packet, type PacketRow } from '../packet.ts';
import type { Session } from '../session.ts';
import { Refusal } from '../target.ts';
import { splitSuffix, suffixedThread } from '../thread-suffix.ts';

function registerText(session: Session, tid: number, register: number): string {
  const value = session.target.readRegister(tid, register);
  return value === undefined ? 'xx'.repeat(session.registers.size(register)) : Buffer.from(value).toString('hex');
}

const readAll = packet({
  prefix: 'g',
  needs: 'alive',
  parse: text,
  handle: (session, suffix) => {
    const [more, thread] = splitSuffix(session, suffix);
    nothing(Buffer.from(more));
    const tid = suffixedThread(session, thread);
    return session.registers.registers.map((_, register) => registerText(session, tid, register)).join('');
  },
});

const writeAll = packet({
  prefix: 'G',
  needs: 'alive',
  controls: true,
  parse: text,
  handle: (session, body) => {
    const [values, thread] = splitSuffix(session, body);
    const tid = suffixedThread(session, thread);
    let at = 0;
    // Checked first, so that a bad packet changes nothing.
    const parts = session.registers.registers.map((_, register) => {
      const part = values.slice(at, (at += session.registers.size(register) * 2));
      return /^x+$/.test(part) ? undefined : hexBytes(part);
    });
    parts.forEach((part, register) => {
      if (part?.some((byte) => byte !== 0) === true && session.target.readRegister(tid, register) === undefined) {
        throw new PacketError(PacketErrno.EIO, `register ${session.registers.registers[register].name} is not available: it cannot be written`);
      }
    });
    if (at !== values.length) throw new PacketError(PacketErrno.EINVAL, `G needs ${at / 2} bytes, got ${values.length / 2}`);
    // A value that cannot be written is left alone, as gdbserver does: gdb writes back all it read.
    parts.forEach((part, register) => part !== undefined && session.target.writeRegister(tid, register, part));
    return 'OK';
  },
});

function checkRegister(session: Session, register: number): void {
  if (register >= session.registers.registers.length) throw new PacketError(PacketErrno.EINVAL, `no register ${register}`);
}

const readOne = packet({
  prefix: 'p',
  needs: 'alive',
  parse: text,
  handle: (session, body) => {
    const [number, thread] = splitSuffix(session, body);
    const register = hexNumber(number);
    checkRegister(session, register);
    return registerText(session, suffixedThread(session, thread), register);
  },
});

const writeOne = packet({
  prefix: 'P',
  needs: 'alive',
  controls: true,
  parse: text,
  handle: (session, body) => {
    const [assignment, thread] = splitSuffix(session, body);
    const [number, digits] = split(assignment, '=');
    const register = hexNumber(number);
    const value = hexBytes(digits);
    const tid = suffixedThread(session, thread);
    checkRegister(session, register);
    if (value.length !== session.registers.size(register)) throw new PacketError(PacketErrno.EINVAL, `register ${register} has ${session.registers.size(register)} bytes`);
    try {
      if (!session.target.writeRegister(tid, register, value)) throw new PacketError(PacketErrno.EIO, 'register cannot be written');
    } catch (error) {
      // Every gdb shows the text of an answer to P, whether it asked for texts or not.
      if (error instanceof Refusal) return `E.${error.message}`;
      throw error;
    }
    return 'OK';
  },
});

export const registerPackets: readonly PacketRow[] = [readAll, writeAll, readOne, writeOne];
