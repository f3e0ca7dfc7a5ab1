/** Names of error numbers, as ERR_PTR carries them. */
import { Errno } from '../../emulator/host/errno.ts';

const names = new Map<number, string>(Object.entries(Errno).map(([name, number]) => [number, name]));

/** `-ENOENT`, or `-77` for a number without a name here. */
export function errnoText(errno: bigint): string {
  return `-${names.get(Number(errno)) ?? errno}`;
}
