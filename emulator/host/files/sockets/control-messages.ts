/** Ancillary data (cmsg): descriptors and credentials. */
import { Errno } from '../../errno.ts';
import type { SyscallCall } from '../../syscall.ts';
import { placeFile } from '../open-calls.ts';
import type { OpenFile } from '../open-file.ts';
import { MessageFlag, SCM_MAX_FD, ScmType, SOL_SOCKET } from './socket-constants.ts';
import type { PeerCredentials, Socket } from './socket.ts';
import { callerCredentials, type Arrival } from './transfer.ts';

const UCRED_BYTES = 12;

export interface OutgoingControl {
  /** Files to send, one reference each. */
  readonly rights: readonly OpenFile[];
  readonly credentials: PeerCredentials | undefined;
}

/** Reads a control buffer; -errno (nothing retained). */
export function parseControl(call: SyscallCall, bytes: Uint8Array): OutgoingControl | number {
  const word = call.wordSize;
  const header = word + 8;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rights: OpenFile[] = [];
  let credentials: PeerCredentials | undefined;
  const fail = (error: number): number => {
    for (const file of rights) file.release();
    return -error;
  };
  for (let at = 0; at + header <= bytes.length;) {
    const length = word === 8 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true);
    if (length < header || at + length > bytes.length) return fail(Errno.EINVAL);
    if (view.getInt32(at + word, true) === SOL_SOCKET) {
      const type = view.getInt32(at + word + 4, true);
      const data = at + header;
      if (type === ScmType.rights) {
        for (let i = 0; i + 4 <= length - header; i += 4) {
          if (rights.length === SCM_MAX_FD) return fail(Errno.EINVAL);
          const file = call.thread.descriptors.get(view.getInt32(data + i, true));
          if (file === undefined) return fail(Errno.EBADF);
          rights.push(file.retain());
        }
      } else if (type === ScmType.credentials) {
        if (length - header !== UCRED_BYTES) return fail(Errno.EINVAL);
        credentials = { pid: view.getInt32(data, true), uid: view.getUint32(data + 4, true), gid: view.getUint32(data + 8, true) };
        const own = callerCredentials(call);
        const privileged = own.uid === 0;
        if (!privileged && (credentials.pid !== own.pid || credentials.uid !== own.uid || credentials.gid !== own.gid)) return fail(Errno.EPERM);
      } else return fail(Errno.EINVAL);
    }
    at += Math.ceil(length / word) * word;
  }
  return { rights, credentials };
}

/** The control buffer for what arrived: gives the descriptors, and closes what does not fit. */
export function buildControl(call: SyscallCall, socket: Socket, arrival: Arrival, room: number, closeOnExec: boolean): Uint8Array {
  const word = call.wordSize;
  const header = word + 8;
  const out = new Uint8Array(room);
  const view = new DataView(out.buffer);
  let at = 0;
  const put = (type: number, data: Uint8Array): void => {
    let length = header + data.length;
    if (at + header > room) {
      arrival.flags |= MessageFlag.controlTruncated;
      return;
    }
    if (at + length > room) {
      arrival.flags |= MessageFlag.controlTruncated;
      length = room - at;
    }
    if (word === 8) view.setBigUint64(at, BigInt(length), true);
    else view.setUint32(at, length, true);
    view.setInt32(at + word, SOL_SOCKET, true);
    view.setInt32(at + word + 4, type, true);
    out.set(data.subarray(0, length - header), at + header);
    at = Math.min(room, at + Math.ceil(length / word) * word);
  };
  if (socket.passCredentials && arrival.credentials !== undefined) {
    const data = new Uint8Array(UCRED_BYTES);
    const fields = new DataView(data.buffer);
    fields.setInt32(0, arrival.credentials.pid, true);
    fields.setUint32(4, arrival.credentials.uid, true);
    fields.setUint32(8, arrival.credentials.gid, true);
    put(ScmType.credentials, data);
  }
  const { rights } = arrival;
  if (rights.length > 0) {
    const fits = Math.max(0, Math.min(rights.length, Math.floor((room - at - header) / 4)));
    const numbers: number[] = [];
    rights.forEach((file, i) => {
      const fd = i < fits ? placeFile(call, file, closeOnExec) : -1;
      if (fd >= 0) numbers.push(fd);
      else {
        arrival.flags |= MessageFlag.controlTruncated;
        file.release();
      }
    });
    if (numbers.length > 0) put(ScmType.rights, new Uint8Array(Int32Array.from(numbers).buffer));
  }
  return out.subarray(0, at);
}
