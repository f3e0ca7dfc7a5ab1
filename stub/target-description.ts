/** target.xml: the registers of registers.ts in gdb's target description format, shaped as gdbserver shapes it. */
import type { RegisterSet } from './registers.ts';

/** Bit names of a flags type; the number is the bit. */
type FlagBits = readonly (readonly [string, number])[];

const EFLAGS: FlagBits = [
  ['CF', 0], ['', 1], ['PF', 2], ['AF', 4], ['ZF', 6], ['SF', 7], ['TF', 8], ['IF', 9], ['DF', 10], ['OF', 11],
  ['NT', 14], ['RF', 16], ['VM', 17], ['AC', 18], ['VIF', 19], ['VIP', 20], ['ID', 21],
];
const MXCSR: FlagBits = [
  ['IE', 0], ['DE', 1], ['ZE', 2], ['OE', 3], ['UE', 4], ['PE', 5], ['DAZ', 6],
  ['IM', 7], ['DM', 8], ['ZM', 9], ['OM', 10], ['UM', 11], ['PM', 12], ['FZ', 15],
];
/** The ways a vector register can be looked at: field of the union, vector type, element type, count. */
const VECTORS: readonly (readonly [string, string, string, number])[] = [
  ['v8_bfloat16', 'v8bf16', 'bfloat16', 8], ['v8_half', 'v8h', 'ieee_half', 8],
  ['v4_float', 'v4f', 'ieee_single', 4], ['v2_double', 'v2d', 'ieee_double', 2],
  ['v16_int8', 'v16i8', 'int8', 16], ['v8_int16', 'v8i16', 'int16', 8], ['v4_int32', 'v4i32', 'int32', 4], ['v2_int64', 'v2i64', 'int64', 2],
];

function flagsType(id: string, bits: FlagBits): string[] {
  return [`<flags id="${id}" size="4">`, ...bits.map(([name, bit]) => `<field name="${name}" start="${bit}" end="${bit}" type="bool"/>`), '</flags>'];
}

function vectorTypes(): string[] {
  return [
    ...VECTORS.map(([, id, type, count]) => `<vector id="${id}" type="${type}" count="${count}"/>`),
    '<union id="vec128">',
    ...VECTORS.map(([field, id]) => `<field name="${field}" type="${id}"/>`),
    '<field name="uint128" type="uint128"/>',
    '</union>',
  ];
}

/** Types a feature has to define before its registers use them. */
const FEATURE_TYPES: Readonly<Record<string, () => string[]>> = {
  'org.gnu.gdb.i386.core': () => flagsType('i386_eflags', EFLAGS),
  'org.gnu.gdb.i386.sse': () => [...vectorTypes(), ...flagsType('i386_mxcsr', MXCSR)],
};

/** The document for a register set; `architecture` is BFD's name, such as i386:x86-64. */
export function targetDescription(architecture: string, set: RegisterSet): string {
  const lines = [
    '<?xml version="1.0"?>', '<!DOCTYPE target SYSTEM "gdb-target.dtd">', '<target>',
    `<architecture>${architecture}</architecture>`, '<osabi>GNU/Linux</osabi>',
  ];
  let number = 0;
  for (const feature of set.features) {
    lines.push(`<feature name="${feature.name}">`, ...(FEATURE_TYPES[feature.name]?.() ?? []));
    for (const row of feature.registers) {
      const group = row.group === undefined ? '' : ` group="${row.group}"`;
      lines.push(`<reg name="${row.name}" bitsize="${row.bits}" type="${row.type}" regnum="${number++}"${group}/>`);
    }
    lines.push('</feature>');
  }
  lines.push('</target>', '');
  return lines.join('\n');
}
