/** Names and contents of files, as the guest kernel has them in its dentries and inodes. */
import { GuestDataError, type GuestObject } from './guest-object.ts';
import type { KernelView } from './kernel-view.ts';

const DEEPEST = 256;

/** `f_path`, or what stood for it before 2.6.20. */
function pathOf(file: GuestObject): { readonly dentry: GuestObject | undefined; readonly mount: GuestObject | undefined } {
  return { dentry: file.first('f_path.dentry', '__f_path.dentry', 'f_dentry')?.follow(), mount: file.first('f_path.mnt', '__f_path.mnt', 'f_vfsmnt')?.follow() };
}

/** Name of a dentry in its directory. */
export function dentryName(kernel: KernelView, dentry: GuestObject): string {
  const name = dentry.first('d_name.name', '__d_name.name')?.number() ?? 0;
  const length = dentry.first('d_name.len', '__d_name.len')?.number() ?? 0;
  const bytes = kernel.memory(name, Math.min(length, 4096));
  if (bytes === undefined) throw new GuestDataError(`the name of the file at 0x${dentry.address.toString(16)} cannot be read`);
  return Buffer.from(bytes).toString();
}

/** What a `struct vfsmount` hangs on: dentry and mount above it, undefined at the top. In kernels since 3.3 it is part of a `struct mount`. */
export function mountPoint(kernel: KernelView, mount: GuestObject): { readonly dentry: GuestObject; readonly mount: GuestObject } | undefined {
  const whole = mount.has('mnt_parent') ? mount : mount.container(kernel.type('struct mount'), 'mnt');
  const parent = whole.follow('mnt_parent');
  const dentry = whole.follow('mnt_mountpoint');
  if (parent === undefined || dentry === undefined || parent.address === whole.address) return undefined;
  return { dentry, mount: parent.find('mnt') ?? parent };
}

/** Path of a dentry seen from the root of the mount namespace. `mount` is a `struct vfsmount`. */
export function absolutePath(kernel: KernelView, dentry: GuestObject, mount: GuestObject | undefined): string {
  const names: string[] = [];
  let at: GuestObject = dentry;
  let on = mount;
  for (let steps = 0; steps < DEEPEST; steps++) {
    const root = on?.follow('mnt_root');
    const parent = at.follow('d_parent');
    if (at.address === root?.address || parent === undefined || parent.address === at.address) {
      const above = on === undefined ? undefined : mountPoint(kernel, on);
      if (above === undefined) {
        // A file system that is mounted nowhere (pipes, sockets) has a name, but no place.
        return at.address === root?.address || names.length === 0 ? `/${names.reverse().join('/')}` : names.reverse().join('/');
      }
      ({ dentry: at, mount: on } = above);
      continue;
    }
    names.push(dentryName(kernel, at));
    at = parent;
  }
  throw new GuestDataError('a path in the guest does not come to its root');
}

/** Path of a `struct file`. */
export function filePath(kernel: KernelView, file: GuestObject): string {
  const { dentry, mount } = pathOf(file);
  if (dentry === undefined) throw new GuestDataError(`the file at 0x${file.address.toString(16)} has no name`);
  return absolutePath(kernel, dentry, mount);
}

/** Its `struct inode`. */
export function fileInode(file: GuestObject): GuestObject | undefined {
  return file.find('f_inode')?.follow() ?? pathOf(file).dentry?.follow('d_inode');
}
