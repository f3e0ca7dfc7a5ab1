/** st_mode (include/uapi/linux/stat.h) and device numbers. */
export const FileType = {
  mask: 0o170000,
  socket: 0o140000,
  symlink: 0o120000,
  regular: 0o100000,
  block: 0o060000,
  directory: 0o040000,
  character: 0o020000,
  fifo: 0o010000,
} as const;

export const SET_UID = 0o4000;
export const SET_GID = 0o2000;
export const STICKY = 0o1000;

/** d_type of a directory entry: the file type's bits 12–15. */
export function directoryEntryType(mode: number): number {
  return (mode & FileType.mask) >> 12;
}

/** Device number as system calls pass it (glibc's makedev for majors below 4096). */
export function makeDevice(major: number, minor: number): number {
  return (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
}

/** The same in 16 bits, as the first Linux had it. */
export function oldDevice(device: number): number {
  return ((deviceMajor(device) << 8) | deviceMinor(device)) & 0xffff;
}

export function deviceMajor(device: number): number {
  return (device >>> 8) & 0xfff;
}

export function deviceMinor(device: number): number {
  return (device & 0xff) | ((device >>> 12) & 0xfff00);
}
