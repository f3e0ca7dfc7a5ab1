/** node:fs errors as the guest's errno. */
import { Errno, type ErrnoName } from '../errno.ts';

function isErrnoName(code: string): code is ErrnoName {
  return Object.hasOwn(Errno, code);
}

/** -errno for an error thrown by node:fs; -EIO for codes without one here. */
export function hostErrno(error: unknown): number {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return isErrnoName(error.code) ? -Errno[error.code] : -Errno.EIO;
  }
  throw error;
}

/** Runs a node:fs operation; 0 or -errno. */
export function attempt(operation: () => void): number {
  try {
    operation();
    return 0;
  } catch (error) {
    return hostErrno(error);
  }
}
