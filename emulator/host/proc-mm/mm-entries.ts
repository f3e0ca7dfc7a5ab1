/** The names under which address spaces are made: /proc/mm, /proc/mm64, and the misc device /dev/mm, which also works in a chroot without /proc. */
import type { DeviceDescription } from '../files/devices.ts';
import { makeDevice } from '../files/file-mode.ts';
import type { ProcContext, ProcEntry } from '../files/proc/proc-file-system.ts';
import { openMm } from './mm-file.ts';
import type { Skas3Offer, Skas3Part } from './offer.ts';

const MISC = 10;
/** The first minor number Linux gives to a misc device that asks for any. */
const MINOR = 63;
const WRITE_ONLY = 0o222;

const entry: ProcEntry = { kind: 'special', mode: WRITE_ONLY, open: (_context, dentry, flags, opener) => openMm(opener, dentry, flags) };

/** Entries of /proc. */
export const mmEntries: Readonly<Record<string, ProcEntry>> = { mm: entry, mm64: entry };

/** What part of the offer an entry is. */
export function mmPart(name: string): Skas3Part {
  return name === 'mm' ? '/proc/mm' : 'rest';
}

/** /proc/misc. */
export function miscText({ kernel }: ProcContext): string {
  return kernel.options.skas3 === 'nobody' ? '' : ` ${MINOR} mm\n`;
}

export function mmDevices(offer: Skas3Offer): readonly DeviceDescription[] {
  if (offer === 'nobody') return [];
  return [{ name: 'mm', number: makeDevice(MISC, MINOR), mode: 0o666, open: (call, dentry, flags) => openMm(call.thread, dentry, flags) }];
}
