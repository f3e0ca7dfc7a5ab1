/** What the guest's memory, or the layout of its kernel, has against what was asked becomes an answer to the user. */
import { Refusal } from '../target.ts';
import { GuestDataError, LayoutError } from './guest-object.ts';

/** @throws Refusal in place of LayoutError and GuestDataError */
export function orRefuse<Result>(look: () => Result): Result {
  try {
    return look();
  } catch (error) {
    if (error instanceof GuestDataError || error instanceof LayoutError) throw new Refusal(error.message);
    throw error;
  }
}
