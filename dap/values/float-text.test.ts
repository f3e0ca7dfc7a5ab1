import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { Random } from '../../emulator/cpu/soft-float/native-oracle.ts';
import { floatText } from './float-text.ts';

/** Encodings of every kind: the type's bytes, least significant first. */
function encodings(): { readonly type: string; readonly bytes: Uint8Array }[] {
  const random = new Random(5);
  const found: { type: string; bytes: Uint8Array }[] = [];
  const number = (value: number): void => {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat32(0, value, true);
    found.push({ type: 'float', bytes: new Uint8Array(view.buffer.slice(0, 4)) });
    view.setFloat64(0, value, true);
    found.push({ type: 'double', bytes: new Uint8Array(view.buffer.slice(0)) });
  };
  for (const value of [0, -0, 1, -2.5, 0.1, 1 / 3, 1e-4, 1e-5, 123456789, 1e9, 1e16, 1e17, 1e22, 123456.789, 2 ** 64, 1e-300, 5e-324, 1.7976931348623157e308, Infinity, -Infinity, NaN, 999999999.5]) number(value);
  for (const [type, length] of [['float', 4], ['double', 8], ['long double', 10]] as const) {
    for (let i = 0; i < 60; i++) {
      const bytes = Uint8Array.from({ length }, () => random.below(256));
      // An x87 number without its integer bit where one belongs is none.
      if (length === 10) bytes[7] |= 0x80;
      found.push({ type, bytes: length === 10 ? Uint8Array.from({ length: 16 }, (_, n) => bytes[n] ?? 0) : bytes });
    }
  }
  return found;
}

it('writes floating-point numbers as gdb does', () => {
  const cases = encodings();
  const list = cases.map(({ type, bytes }) => `('${type}', [${Array.from(bytes).join(',')}])`).join(',');
  const { stdout, stderr } = spawnSync('gdb', ['-nx', '-q', '-batch', '-ex', `python [print(gdb.Value(bytes(b), gdb.lookup_type(t))) for t, b in [${list}]]`], { encoding: 'utf8' });
  const theirs = stdout.trimEnd().split('\n');
  expect(theirs.length, stderr).toBe(cases.length);
  expect(cases.map(({ type, bytes }) => `${type} ${floatText(bytes)}`)).toEqual(cases.map(({ type }, i) => `${type} ${theirs[i]}`));
});
