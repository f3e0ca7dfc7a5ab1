/** What is mounted (struct mount, before 3.3 struct vfsmount). */
import type { GuestObject } from '../tasks/guest-object.ts';
import type { KernelView } from '../tasks/kernel-view.ts';
import { absolutePath } from '../tasks/paths.ts';
import { inOrder } from '../tasks/red-black-tree.ts';
import type { OsRow } from './table.ts';

const READ_ONLY = 1;

function mountsOf(kernel: KernelView, namespace: GuestObject): Iterable<GuestObject> {
  const type = kernel.image.type('struct mount') ?? kernel.type('struct vfsmount');
  // A tree since 6.8; from 4.9 on the number of them.
  const tree = namespace.find('mounts');
  return tree?.has('rb_node') === true ? inOrder(tree, type, 'mnt_node') : namespace.at('list').list(type, 'mnt_list');
}

/** Of the first process's namespace. */
export function mounts(kernel: KernelView): OsRow[] {
  const task = kernel.variable('init_task');
  const namespace = task.follow('nsproxy')?.follow('mnt_ns') ?? task.find('namespace')?.follow();
  if (namespace === undefined) return [];
  return [...mountsOf(kernel, namespace)].flatMap((mount) => {
    const inner = mount.find('mnt') ?? mount;
    const root = inner.follow('mnt_root');
    const block = inner.follow('mnt_sb');
    if (root === undefined || block === undefined) return [];
    const readOnly = ((block.number('s_flags') | inner.number('mnt_flags') >> 6) & READ_ONLY) !== 0;
    return [{ device: mount.text('mnt_devname'), path: absolutePath(kernel, root, inner), type: block.follow('s_type')?.text('name') ?? '', mode: readOnly ? 'ro' : 'rw' }];
  });
}
