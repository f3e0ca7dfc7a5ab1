/** Red-black trees (include/linux/rbtree.h). */
import { GuestDataError, type GuestObject } from './guest-object.ts';
import type { DwarfType } from '../../emulator/image/dwarf/types.ts';

/** A balanced tree of this depth has more entries than there is memory. */
const DEEPEST = 128;

/** Entries of the tree whose root (a `struct rb_root`) this is, in order, as the structures their nodes are members of. @throws GuestDataError */
export function* inOrder(root: GuestObject, type: DwarfType, member: string): Generator<GuestObject, void> {
  const path: GuestObject[] = [];
  let node = root.follow('rb_node');
  while (node !== undefined || path.length > 0) {
    while (node !== undefined) {
      path.push(node);
      if (path.length > DEEPEST) throw new GuestDataError(`the tree at 0x${root.address.toString(16)} is too deep`);
      node = node.follow('rb_left');
    }
    const top: GuestObject | undefined = path.pop();
    if (top === undefined) return;
    yield top.container(type, member);
    node = top.follow('rb_right');
  }
}
