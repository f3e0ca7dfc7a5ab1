/** Which code opens which device node, by type and number. */
import type { SyscallCall, Wait } from '../syscall.ts';
import type { Dentry } from './dentry.ts';
import { FileType } from './file-mode.ts';
import type { OpenFile } from './open-file.ts';

export type DeviceOpener = (call: SyscallCall, dentry: Dentry, flags: number) => OpenFile | number | Wait;

export class DeviceRegistry {
  private readonly character = new Map<number, DeviceOpener>();

  /** @param device number as makeDevice gives it */
  register(device: number, opener: DeviceOpener): void {
    this.character.set(device, opener);
  }

  unregister(device: number): void {
    this.character.delete(device);
  }

  find(type: number, device: number): DeviceOpener | undefined {
    return type === FileType.character ? this.character.get(device) : undefined;
  }
}
