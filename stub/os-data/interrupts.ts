/** Interrupts that somebody handles (struct irq_desc). */
import { LayoutError, type GuestObject } from '../tasks/guest-object.ts';
import type { KernelView } from '../tasks/kernel-view.ts';
import { mapleEntries } from '../tasks/memory-areas.ts';
import type { OsRow } from './table.ts';

/** More handlers of one interrupt would be a list without an end. */
const MOST_ACTIONS = 256;

function descriptions(kernel: KernelView): GuestObject[] {
  const array = kernel.find('irq_desc');
  if (array?.length !== undefined) return Array.from({ length: array.length }, (_, i) => array.element(i));
  const tree = kernel.find('sparse_irqs');
  if (tree !== undefined) return [...mapleEntries(kernel, tree)].map((address) => kernel.object('struct irq_desc', address));
  throw new LayoutError('the interrupts of this kernel are kept in a way that is not known here');
}

function actions(description: GuestObject): GuestObject[] {
  const found: GuestObject[] = [];
  for (let action = description.follow('action'); action !== undefined && found.length < MOST_ACTIONS; action = action.follow('next')) found.push(action);
  return found;
}

export function interrupts(kernel: KernelView): OsRow[] {
  return descriptions(kernel).flatMap((description, i) => {
    const handlers = actions(description);
    if (handlers.length === 0) return [];
    return [{
      irq: description.first('irq_data.irq', 'irq')?.number() ?? i,
      count: description.first('tot_count', 'irq_count')?.number() ?? '',
      chip: description.first('irq_data.chip', 'chip', 'handler')?.follow()?.first('name', 'typename')?.text() ?? '',
      names: handlers.map((action) => action.text('name')).join(', '),
      handlers: handlers.map((action) => kernel.image.functionAt(action.number('handler'))?.name ?? `0x${action.number('handler').toString(16)}`).join(', '),
    }];
  });
}
