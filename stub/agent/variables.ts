/**
 * Trace state variables (gdb manual, "Trace State Variables"): numbers that agent expressions read and write, so that a breakpoint can count. They belong
 * to the machine and outlive breakpoints.
 */

/** Variables there may be: a client that numbers them without end is mistaken. */
const MOST = 65_536;

export class AgentVariables {
  private readonly values = new Map<number, bigint>();

  /** The value, unsigned; undefined: there is no such variable. */
  get(number: number): bigint | undefined {
    return this.values.get(number);
  }

  /** Defines or changes a variable. False: there are too many. */
  set(number: number, value: bigint): boolean {
    if (this.values.size >= MOST && !this.values.has(number)) return false;
    this.values.set(number, BigInt.asUintN(64, value));
    return true;
  }
}
