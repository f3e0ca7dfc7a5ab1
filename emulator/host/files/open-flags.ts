/** open(2) flags, dirfd and `AT_*` values, x86 (include/uapi/asm-generic/fcntl.h, linux/fcntl.h). */
export const OpenFlag = {
  accessMode: 0o3,
  readOnly: 0,
  writeOnly: 1,
  readWrite: 2,
  create: 0o100,
  exclusive: 0o200,
  noCtty: 0o400,
  truncate: 0o1000,
  append: 0o2000,
  nonBlock: 0o4000,
  dsync: 0o10000,
  async: 0o20000,
  direct: 0o40000,
  largeFile: 0o100000,
  directory: 0o200000,
  noFollow: 0o400000,
  noAtime: 0o1000000,
  closeOnExec: 0o2000000,
  sync: 0o4010000,
  path: 0o10000000,
  tmpFile: 0o20200000,
} as const;

/** Flags which fcntl(F_SETFL) may change. */
export const SETTABLE_FLAGS = OpenFlag.append | OpenFlag.nonBlock | OpenFlag.async | OpenFlag.direct | OpenFlag.noAtime;
/** Flags open(2) acts upon once and fcntl(F_GETFL) does not show. */
export const OPEN_ONLY_FLAGS = OpenFlag.create | OpenFlag.exclusive | OpenFlag.noCtty | OpenFlag.truncate | OpenFlag.closeOnExec;

export const At = {
  fdcwd: -100,
  symlinkNoFollow: 0x100,
  /** For faccessat2; unlinkat calls the same bit AT_REMOVEDIR. */
  eaccess: 0x200,
  removeDir: 0x200,
  symlinkFollow: 0x400,
  noAutomount: 0x800,
  emptyPath: 0x1000,
  statxSyncType: 0x6000,
} as const;

/** The descriptor may be read from. */
export function isReadable(flags: number): boolean {
  return (flags & OpenFlag.accessMode) !== OpenFlag.writeOnly && (flags & OpenFlag.path) === 0;
}

/** The descriptor may be written to. */
export function isWritable(flags: number): boolean {
  return (flags & OpenFlag.accessMode) !== OpenFlag.readOnly && (flags & OpenFlag.path) === 0;
}
