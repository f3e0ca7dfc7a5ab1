/**
 * cpio archives in the "newc" format, which is what the kernel unpacks an initramfs from
 * (Linux Documentation: driver-api/early-userspace/buffer-format). Written in the order given; all files belong to
 * root and carry time 0, so that equal input gives equal bytes.
 */

export interface CpioEntry {
  /** Path inside the archive, without leading slash. */
  readonly path: string;
  /** File type and permission bits (S_IFREG | 0o755 …). */
  readonly mode: number;
  /** Contents; the target for a symbolic link. */
  readonly data?: Uint8Array;
  /** Device number for device nodes. */
  readonly device?: { readonly major: number; readonly minor: number };
}

/** File type bits (include/uapi/linux/stat.h). */
export const FileType = { directory: 0o040000, character: 0o020000, regular: 0o100000, symlink: 0o120000 } as const;

const MAGIC = '070701';
const HEADER_BYTES = 110;
const TRAILER = 'TRAILER!!!';

/** An archive with the given entries. Parent directories must come before what they hold. */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  const add = (bytes: Uint8Array): void => {
    parts.push(bytes);
    length += bytes.length;
    const padding = (4 - (length & 3)) & 3;
    if (padding > 0) {
      parts.push(new Uint8Array(padding));
      length += padding;
    }
  };
  const encoder = new TextEncoder();
  [...entries, { path: TRAILER, mode: 0 }].forEach((entry, i) => {
    const name = encoder.encode(entry.path + '\0');
    const data = entry.data ?? new Uint8Array(0);
    const directory = (entry.mode & 0o170000) === FileType.directory;
    const fields = [entry.path === TRAILER ? 0 : i + 1, entry.mode, 0, 0, directory ? 2 : 1, 0, data.length, 0, 0, entry.device?.major ?? 0, entry.device?.minor ?? 0, name.length, 0];
    const header = encoder.encode(MAGIC + fields.map((value) => value.toString(16).padStart(8, '0')).join(''));
    const named = new Uint8Array(HEADER_BYTES + name.length);
    named.set(header);
    named.set(name, HEADER_BYTES);
    add(named);
    add(data);
  });
  const archive = new Uint8Array(Math.ceil(length / 512) * 512);
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}
