import { describe, expect, test } from 'vitest';
import { decode, type DecodeResult } from './decoder.ts';
import { Instruction } from './instruction.ts';

function decoded(hex: string, mode: 64 | 32 = 64, limit?: number): { result: DecodeResult; instruction: Instruction; mnemonic: string | undefined } {
  const bytes = new Uint8Array(64);
  const given = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  bytes.set(given);
  const instruction = new Instruction();
  const result = decode(bytes, 0, limit ?? given.length, 0x1000, mode, instruction);
  return { result, instruction, mnemonic: instruction.form?.mnemonic };
}

describe('prefixes', () => {
  test.each([
    ['f3 90', 'PAUSE', 2],
    ['66 90', 'NOP', 2],
    ['41 90', 'XCHG', 2],
    ['f3 0f 1e fa', 'NOP', 4],
    ['66 66 2e 0f 1f 84 00 00 00 00 00', 'NOP', 11],
    ['f3 0f bc c1', 'BSF', 4],
    ['f3 0f b8 c1', 'POPCNT', 4],
    ['66 0f 6f c1', 'MOVDQA', 4],
    ['f3 66 0f 6f c1', 'MOVDQU', 5],
  ])('%s is %s', (hex, mnemonic, length) => {
    const { result, instruction } = decoded(hex);
    expect([result, instruction.form?.mnemonic, instruction.length]).toEqual(['ok', mnemonic, length]);
  });

  test('REX counts only directly before the opcode', () => {
    expect(decoded('48 66 01 d8').instruction).toMatchObject({ operandSize: 2, rex: false, length: 4 });
    expect(decoded('66 48 01 d8').instruction).toMatchObject({ operandSize: 8, rex: true });
    expect(decoded('45 01 d8').instruction).toMatchObject({ reg: 11, rm: 8 });
  });

  test('LOCK needs a form that allows it and memory', () => {
    expect(decoded('f0 01 18').result).toBe('ok');
    expect(decoded('f0 01 d8').result).toBe('invalid');
    expect(decoded('f0 03 18').result).toBe('invalid');
    expect(decoded('f0 89 18').result).toBe('invalid');
  });

  test('REP only where it means something', () => {
    expect(decoded('f3 a4').instruction.rep).toBe(0xf3);
    expect(decoded('f2 a6').instruction.rep).toBe(0xf2);
    expect(decoded('f3 c3').instruction.rep).toBe(0);
  });

  test('segments: fs and gs matter, the flat ones do not', () => {
    expect(decoded('64 8b 00').instruction.segment).toBe(4);
    expect(decoded('64 2e 8b 00').instruction.segment).toBe(4);
    expect(decoded('2e 8b 00').instruction.segment).toBe(-1);
    expect(decoded('64 2e 8b 00', 32).instruction.segment).toBe(-1);
  });
});

describe('length limits', () => {
  test('15 bytes are an instruction, 16 are not', () => {
    expect(decoded('2e '.repeat(13) + '01 d8').instruction.length).toBe(15);
    expect(decoded('2e '.repeat(14) + '01 d8').result).toBe('invalid');
    expect(decoded('66 '.repeat(20)).result).toBe('invalid');
  });

  test.each(['48 b8 11 22 33 44 55 66 77 88', '66 0f 3a 0f 84 98 78 56 34 12 07', 'c8 10 00 01', '81 84 24 00 01 00 00 78 56 34 12', '2e 2e 2e 2e 90', '0f 38 00 c1'])(
    'every shorter piece of %s is truncated',
    (hex) => {
      const length = hex.split(' ').length;
      for (let limit = 0; limit < length; limit++) expect(decoded(hex, 64, limit).result, `${limit} bytes`).toBe('truncated');
      expect(decoded(hex).instruction.length).toBe(length);
    },
  );
});

describe('operands', () => {
  test('immediates', () => {
    expect(decoded('48 b8 11 22 33 44 55 66 77 88').instruction).toMatchObject({ immediate: 0x44332211, immediateHigh: 0x88776655 | 0 });
    expect(decoded('83 c0 ff').instruction).toMatchObject({ immediate: -1, immediateHigh: -1 });
    expect(decoded('66 0f 70 c1 ff').instruction).toMatchObject({ immediate: 255, immediateHigh: 0 });
    expect(decoded('c8 10 00 02').instruction).toMatchObject({ immediate: 16, immediate2: 2 });
    expect(decoded('e8 fb ff ff ff').instruction).toMatchObject({ immediate: -5, length: 5 });
    expect(decoded('66 e8 fb ff ff ff').instruction.length).toBe(6);
    expect(decoded('66 e8 fb ff', 32).instruction).toMatchObject({ immediate: -5, length: 4 });
  });

  test('addresses', () => {
    expect(decoded('8b 04 25 78 56 34 12').instruction).toMatchObject({ base: -1, index: -1, displacement: 0x12345678, ripRelative: false });
    expect(decoded('8b 05 78 56 34 12').instruction).toMatchObject({ base: -1, ripRelative: true, displacement: 0x12345678 });
    expect(decoded('8b 05 78 56 34 12', 32).instruction).toMatchObject({ base: -1, ripRelative: false, displacement: 0x12345678 });
    expect(decoded('42 8b 44 a5 f0').instruction).toMatchObject({ base: 5, index: 12, scale: 2, displacement: -16 });
    expect(decoded('8b 44 24 08').instruction).toMatchObject({ base: 4, index: -1, scale: 0, displacement: 8 });
    expect(decoded('67 8b 42 f0', 32).instruction).toMatchObject({ addressSize: 2, base: 5, index: 6, displacement: -16 });
    expect(decoded('67 8b 06 34 12', 32).instruction).toMatchObject({ addressSize: 2, base: -1, index: -1, displacement: 0x1234 });
    expect(decoded('48 a1 11 22 33 44 55 66 77 00').instruction).toMatchObject({ memory: true, displacement: 0x44332211, immediateHigh: 0x00776655 });
  });

  test('implicit memory and the popped stack pointer', () => {
    expect(decoded('64 a4').instruction).toMatchObject({ memory: true, base: 6, segment: 4 });
    expect(decoded('d7').instruction).toMatchObject({ memory: true, base: 3 });
    expect(decoded('8f 44 24 10').instruction.displacement).toBe(0x18);
    expect(decoded('8f 43 10').instruction.displacement).toBe(0x10);
  });

  test('operand sizes', () => {
    expect(decoded('50').instruction.operandSize).toBe(8);
    expect(decoded('66 50').instruction.operandSize).toBe(2);
    expect(decoded('50', 32).instruction.operandSize).toBe(4);
    expect(decoded('66 ff e0').instruction.operandSize).toBe(8);
    expect(decoded('66 0f 6e c0').instruction.operandSize).toBe(4);
    expect(decoded('66 48 0f 6e c0').instruction.operandSize).toBe(8);
  });
});

test('modes have their own opcodes', () => {
  expect(decoded('40', 32).mnemonic).toBe('INC');
  expect(decoded('60').result).toBe('invalid');
  expect(decoded('60', 32).mnemonic).toBe('PUSHA');
  expect(decoded('48 63 c1').mnemonic).toBe('MOVSXD');
  expect(decoded('63 c1', 32).mnemonic).toBe('ARPL');
});
