/** Where the user memory of a task is: the host process that runs it, as the kernel notes it in the task's mm. */
import type { Task } from './task.ts';

/** arch/um's mm_context: struct mm_id by itself, in a union, and within the skas half of older ones. */
const PLACES = ['context.id.pid', 'context.id.u.pid', 'context.skas.id.u.pid', 'context.u.pid'] as const;

/** Id of the host process; undefined for a task without user memory. @throws LayoutError @throws GuestDataError */
export function hostProcessOf(task: Task): number | undefined {
  const pid = task.object.follow('mm')?.first(...PLACES)?.number();
  return pid === undefined || pid <= 0 ? undefined : pid;
}
