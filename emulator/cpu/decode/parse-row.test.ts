import { describe, expect, test } from 'vitest';
import { Immediate, parseRow, PrefixClass, resolveSize } from './parse-row.ts';

const parse = (opcode: string, operands: string, attributes = ''): ReturnType<typeof parseRow> => parseRow(['TEST', opcode, operands, () => {}, attributes], 0);

describe('opcodes', () => {
  test('maps, prefixes and ModRM', () => {
    expect(parse('66 0F 3A 0F /r ib', 'Vx Wx Ib')).toMatchObject({ map: 3, opcode: 0x0f, prefix: PrefixClass.operandSize, modrm: true, immediates: [Immediate.byte] });
    expect(parse('NP REX.W 0F C7 /1', 'Mdq')).toMatchObject({ map: 1, prefix: PrefixClass.none, wide: true, reg: 1, mod: 'memory' });
    expect(parse('F3 90', '')).toMatchObject({ map: 0, opcode: 0x90, prefix: PrefixClass.rep, modrm: false });
    expect(parse('B8+r iv', 'Zv Iv')).toMatchObject({ opcode: 0xb8, opcodeRegister: true, immediates: [Immediate.v] });
    expect(parse('E8 cz', 'Jz')).toMatchObject({ opcode: 0xe8, immediates: [Immediate.relative] });
  });

  test('fixed ModRM bytes', () => {
    expect(parse('D9 C0+r', 'STi')).toMatchObject({ opcode: 0xd9, mod: 'register', reg: 0, rm: undefined });
    expect(parse('0F 01 F9', '')).toMatchObject({ map: 1, opcode: 0x01, mod: 'register', reg: 7, rm: 1 });
  });
});

describe('operands', () => {
  test('sizes', () => {
    const [register, selector] = parse('8C /0', 'Rv/Mw ES').form.operands;
    expect(resolveSize(register, 8, false)).toBe(8);
    expect(resolveSize(register, 8, true)).toBe(2);
    expect(selector).toEqual({ method: 'segment', size: 2, register: 0 });
    const [, immediate] = parse('83 /0 ib', 'Ev sIb').form.operands;
    expect(resolveSize(immediate, 8, false)).toBe(8);
  });

  test.each([
    ['00 /r', 'Eb Gx?'],
    ['00', 'Eb Gb'],
    ['00 /r ib', 'Eb Gb'],
    ['00 /r', 'Eb Ib'],
    ['00 /r', 'M R'],
    ['00 zz', 'AL'],
    ['D9 10', ''],
  ])('%s with %s is refused', (opcode, operands) => {
    expect(() => parse(opcode, operands)).toThrow(/instruction row TEST/);
  });
});
