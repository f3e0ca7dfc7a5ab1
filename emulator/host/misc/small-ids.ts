/** 16-bit user and group ids (include/linux/highuid.h), as i386's first system calls have them. */

/** What an id too large for 16 bits is shown as (fs.overflowuid). */
const OVERFLOW_ID = 65534;

/** An id as 16 bits can show it. */
export function lowId(id: number): number {
  return id > 0xffff ? OVERFLOW_ID : id;
}

/** A 16-bit id as the 32-bit calls take it: 0xffff is -1. */
export function highId(id: number): number {
  return (id & 0xffff) === 0xffff ? -1 : id & 0xffff;
}
