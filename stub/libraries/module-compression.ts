/** Modules as they are installed: compressed by gzip, zstd or xz, told apart by what their names end in (scripts/Makefile.modinst). */
import { spawnSync } from 'node:child_process';
import { extname } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';

/** How a module's name ends: as built, or as `make modules_install` compresses it (CONFIG_MODULE_COMPRESS). */
export const MODULE_FILE = /\.ko(\.gz|\.xz|\.zst)?$/;
/** More than any module has. */
const LARGEST = 1 << 30;

/** There is a file, but it cannot be read; its message says why. */
export class ModuleFileError extends Error {}

/** The ELF file itself. @throws ModuleFileError */
export function unpackModule(path: string, packed: Uint8Array): Uint8Array {
  try {
    switch (extname(path)) {
      case '.gz': return gunzipSync(packed, { maxOutputLength: LARGEST });
      case '.zst': return zstdDecompressSync(packed, { maxOutputLength: LARGEST });
      case '.xz': return unxz(packed);
      default: return packed;
    }
  } catch (error) {
    if (error instanceof Error) throw new ModuleFileError(`${path} cannot be unpacked: ${error.message}`);
    throw error;
  }
}

/** Node has no xz of its own: the system's does it. */
function unxz(packed: Uint8Array): Uint8Array {
  const { error, status, stdout, stderr } = spawnSync('xz', ['--decompress', '--stdout'], { input: packed, maxBuffer: LARGEST });
  if (error !== undefined && 'code' in error && error.code === 'ENOENT') throw new Error("it needs the command xz (Debian: xz-utils), or unpack it with 'unxz'");
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(stderr.toString().trim().replace(/^xz: \(stdin\): /, ''));
  return stdout;
}
