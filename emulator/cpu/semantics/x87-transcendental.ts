/** F2XM1, FYL2X, FYL2XP1, FPATAN, FPTAN, FSIN, FCOS, FSINCOS: stack handling around soft-float/transcendental.ts. */
import type { FormRow, Semantic } from '../decode/form.ts';
import { type Extended, type ExtendedControl, type ExtendedOutcome, INDEFINITE } from '../soft-float/extended.ts';
import * as transcendental from '../soft-float/transcendental.ts';
import { checkPending, x87Action } from './x87-helpers.ts';
import type { X87Operations } from './x87-operations.ts';
import { Status, type X87 } from './x87-unit.ts';

const ONE: Extended = { signExponent: 0x3fff, significand: 1n << 63n };

/** ST(1) := f(ST(0), ST(1)), then pop. */
export function combine(x87: X87Operations, compute: (x: Extended, y: Extended, control: ExtendedControl) => ExtendedOutcome): void {
  const { unit } = x87;
  if (unit.isEmpty(0) || unit.isEmpty(1)) {
    if (!unit.stackFault(false)) return;
    unit.write(1, INDEFINITE);
    unit.pop();
    return;
  }
  const outcome = compute(unit.read(0), unit.read(1), unit.rounding());
  if (!unit.accept(outcome.flags, outcome.up)) return;
  unit.write(1, outcome.value);
  unit.pop();
}

function setOutOfRange(unit: X87, outOfRange: boolean): void {
  unit.setConditions((unit.statusWord & (Status.c0 | Status.c1 | Status.c3)) | (outOfRange ? Status.c2 : 0));
}

/** FSIN and FCOS. */
export function replaceBySine(x87: X87Operations, cosine: boolean): void {
  const { unit } = x87;
  setOutOfRange(unit, false);
  if (unit.isEmpty(0)) {
    if (unit.stackFault(false)) unit.write(0, INDEFINITE);
    return;
  }
  const outcome = transcendental.trigonometric(unit.read(0), unit.rounding());
  const chosen = cosine ? outcome.cosine : outcome.sine;
  if (outcome.outOfRange) {
    unit.report(0, false);
    setOutOfRange(unit, true);
  } else if (unit.accept(chosen.flags, chosen.up)) unit.write(0, chosen.value);
}

/** FSINCOS (sine replaces, cosine is pushed) and FPTAN (tangent replaces, 1 is pushed). */
export function replaceAndPush(x87: X87Operations, tangent: boolean): void {
  const { unit } = x87;
  setOutOfRange(unit, false);
  const underflow = unit.isEmpty(0);
  if (underflow || !unit.isEmpty(7)) {
    if (!unit.stackFault(!underflow)) return;
    unit.write(0, INDEFINITE);
    unit.push(INDEFINITE);
    return;
  }
  const outcome = transcendental.trigonometric(unit.read(0), unit.rounding());
  if (outcome.outOfRange) {
    unit.report(0, false);
    setOutOfRange(unit, true);
    return;
  }
  const replaced = tangent ? outcome.tangent : outcome.sine;
  const flags = tangent ? replaced.flags : replaced.flags | outcome.cosine.flags;
  if (!unit.accept(flags, tangent ? replaced.up : outcome.cosine.up)) return;
  unit.write(0, replaced.value);
  // An operand that is no number comes out twice.
  const pushed = tangent && isNumber(replaced.value) ? ONE : tangent ? replaced.value : outcome.cosine.value;
  unit.push(pushed);
}

const isNumber = (value: Extended): boolean => (value.signExponent & 0x7fff) !== 0x7fff;

const plain = (name: string, action: (x87: X87Operations) => void): Semantic => {
  const helper = x87Action(name, 0, action);
  return (e) => {
    checkPending(e);
    e.callVoid(helper, []);
  };
};

export const x87TranscendentalForms: readonly FormRow[] = [
  ['F2XM1', 'D9 F0', '', plain('x87PowerOfTwo', (x) => x.replace((value, unit) => transcendental.powerOfTwoMinusOne(value, unit.rounding())))],
  ['FYL2X', 'D9 F1', '', plain('x87Logarithm', (x) => combine(x, transcendental.logarithm))],
  ['FPTAN', 'D9 F2', '', plain('x87Tangent', (x) => replaceAndPush(x, true))],
  ['FPATAN', 'D9 F3', '', plain('x87ArcTangent', (x) => combine(x, transcendental.arcTangent))],
  ['FYL2XP1', 'D9 F9', '', plain('x87LogarithmOfOnePlus', (x) => combine(x, transcendental.logarithmOfOnePlus))],
  ['FSINCOS', 'D9 FB', '', plain('x87SineAndCosine', (x) => replaceAndPush(x, false))],
  ['FSIN', 'D9 FE', '', plain('x87Sine', (x) => replaceBySine(x, false))], ['FCOS', 'D9 FF', '', plain('x87Cosine', (x) => replaceBySine(x, true))],
];
