/**
 * WebAssembly opcode tables, grouped by operand shape so that the typed methods of
 * {@link FunctionBuilder} can be derived from them (WebAssembly core specification 2.0,
 * "Index of Instructions"). Numbers above 0xff are SIMD opcodes: 0xfd prefix, low part LEB128.
 */

export const I32_BINARY = {
  add: 0x6a, sub: 0x6b, mul: 0x6c, divS: 0x6d, divU: 0x6e, remS: 0x6f, remU: 0x70,
  and: 0x71, or: 0x72, xor: 0x73, shl: 0x74, shrS: 0x75, shrU: 0x76, rotl: 0x77, rotr: 0x78,
} as const;
export const I32_COMPARE = {
  eq: 0x46, ne: 0x47, ltS: 0x48, ltU: 0x49, gtS: 0x4a, gtU: 0x4b, leS: 0x4c, leU: 0x4d, geS: 0x4e, geU: 0x4f,
} as const;
export const I32_UNARY = { clz: 0x67, ctz: 0x68, popcnt: 0x69, extend8S: 0xc0, extend16S: 0xc1 } as const;

export const I64_BINARY = {
  add: 0x7c, sub: 0x7d, mul: 0x7e, divS: 0x7f, divU: 0x80, remS: 0x81, remU: 0x82,
  and: 0x83, or: 0x84, xor: 0x85, shl: 0x86, shrS: 0x87, shrU: 0x88, rotl: 0x89, rotr: 0x8a,
} as const;
export const I64_COMPARE = {
  eq: 0x51, ne: 0x52, ltS: 0x53, ltU: 0x54, gtS: 0x55, gtU: 0x56, leS: 0x57, leU: 0x58, geS: 0x59, geU: 0x5a,
} as const;
export const I64_UNARY = { clz: 0x79, ctz: 0x7a, popcnt: 0x7b, extend8S: 0xc2, extend16S: 0xc3, extend32S: 0xc4 } as const;

export const F32_BINARY = { add: 0x92, sub: 0x93, mul: 0x94, div: 0x95, min: 0x96, max: 0x97, copysign: 0x98 } as const;
export const F32_UNARY = { abs: 0x8b, neg: 0x8c, ceil: 0x8d, floor: 0x8e, trunc: 0x8f, nearest: 0x90, sqrt: 0x91 } as const;
export const F32_COMPARE = { eq: 0x5b, ne: 0x5c, lt: 0x5d, gt: 0x5e, le: 0x5f, ge: 0x60 } as const;

export const F64_BINARY = { add: 0xa0, sub: 0xa1, mul: 0xa2, div: 0xa3, min: 0xa4, max: 0xa5, copysign: 0xa6 } as const;
export const F64_UNARY = { abs: 0x99, neg: 0x9a, ceil: 0x9b, floor: 0x9c, trunc: 0x9d, nearest: 0x9e, sqrt: 0x9f } as const;
export const F64_COMPARE = { eq: 0x61, ne: 0x62, lt: 0x63, gt: 0x64, le: 0x65, ge: 0x66 } as const;

/** Conversions: name → [opcode, operand type, result type]. Saturating truncations carry a 0xfc prefix (0xfc00 + n). */
export const CONVERT = {
  i32WrapI64: [0xa7, 'i64', 'i32'],
  i64ExtendI32S: [0xac, 'i32', 'i64'],
  i64ExtendI32U: [0xad, 'i32', 'i64'],
  f32ConvertI32S: [0xb2, 'i32', 'f32'],
  f32ConvertI64S: [0xb4, 'i64', 'f32'],
  f32DemoteF64: [0xb6, 'f64', 'f32'],
  f64ConvertI32S: [0xb7, 'i32', 'f64'],
  f64ConvertI32U: [0xb8, 'i32', 'f64'],
  f64ConvertI64S: [0xb9, 'i64', 'f64'],
  f64PromoteF32: [0xbb, 'f32', 'f64'],
  i32ReinterpretF32: [0xbc, 'f32', 'i32'],
  i64ReinterpretF64: [0xbd, 'f64', 'i64'],
  f32ReinterpretI32: [0xbe, 'i32', 'f32'],
  f64ReinterpretI64: [0xbf, 'i64', 'f64'],
  i32TruncSatF32S: [0xfc00, 'f32', 'i32'],
  i32TruncSatF64S: [0xfc02, 'f64', 'i32'],
  i64TruncSatF32S: [0xfc04, 'f32', 'i64'],
  i64TruncSatF64S: [0xfc06, 'f64', 'i64'],
} as const;

/** Loads: name → [opcode, result type, log2 of the access size]. */
export const LOAD = {
  i32Load: [0x28, 'i32', 2], i64Load: [0x29, 'i64', 3], f32Load: [0x2a, 'f32', 2], f64Load: [0x2b, 'f64', 3],
  i32Load8S: [0x2c, 'i32', 0], i32Load8U: [0x2d, 'i32', 0], i32Load16S: [0x2e, 'i32', 1], i32Load16U: [0x2f, 'i32', 1],
  i64Load8S: [0x30, 'i64', 0], i64Load8U: [0x31, 'i64', 0], i64Load16S: [0x32, 'i64', 1], i64Load16U: [0x33, 'i64', 1],
  i64Load32S: [0x34, 'i64', 2], i64Load32U: [0x35, 'i64', 2],
  v128Load: [0xfd00, 'v128', 4], v128Load8Splat: [0xfd07, 'v128', 0], v128Load32Zero: [0xfd5c, 'v128', 2], v128Load64Zero: [0xfd5d, 'v128', 3],
} as const;

/** Stores: name → [opcode, value type, log2 of the access size]. */
export const STORE = {
  i32Store: [0x36, 'i32', 2], i64Store: [0x37, 'i64', 3], f32Store: [0x38, 'f32', 2], f64Store: [0x39, 'f64', 3],
  i32Store8: [0x3a, 'i32', 0], i32Store16: [0x3b, 'i32', 1],
  i64Store8: [0x3c, 'i64', 0], i64Store16: [0x3d, 'i64', 1], i64Store32: [0x3e, 'i64', 2],
  v128Store: [0xfd0b, 'v128', 4],
} as const;

/** v128 × v128 → v128. */
export const V128_BINARY = {
  i8x16Swizzle: 14,
  i8x16Eq: 35, i8x16Ne: 36, i8x16LtS: 37, i8x16LtU: 38, i8x16GtS: 39, i8x16GtU: 40, i8x16LeS: 41, i8x16LeU: 42, i8x16GeS: 43, i8x16GeU: 44,
  i16x8Eq: 45, i16x8Ne: 46, i16x8LtS: 47, i16x8LtU: 48, i16x8GtS: 49, i16x8GtU: 50, i16x8LeS: 51, i16x8LeU: 52, i16x8GeS: 53, i16x8GeU: 54,
  i32x4Eq: 55, i32x4Ne: 56, i32x4LtS: 57, i32x4LtU: 58, i32x4GtS: 59, i32x4GtU: 60, i32x4LeS: 61, i32x4LeU: 62, i32x4GeS: 63, i32x4GeU: 64,
  i64x2Eq: 214, i64x2Ne: 215, i64x2LtS: 216, i64x2GtS: 217, i64x2LeS: 218, i64x2GeS: 219,
  f32x4Eq: 65, f32x4Ne: 66, f32x4Lt: 67, f32x4Gt: 68, f32x4Le: 69, f32x4Ge: 70,
  f64x2Eq: 71, f64x2Ne: 72, f64x2Lt: 73, f64x2Gt: 74, f64x2Le: 75, f64x2Ge: 76,
  v128And: 78, v128AndNot: 79, v128Or: 80, v128Xor: 81,
  i8x16NarrowI16x8S: 101, i8x16NarrowI16x8U: 102,
  i8x16Add: 110, i8x16AddSatS: 111, i8x16AddSatU: 112, i8x16Sub: 113, i8x16SubSatS: 114, i8x16SubSatU: 115,
  i8x16MinS: 118, i8x16MinU: 119, i8x16MaxS: 120, i8x16MaxU: 121, i8x16AvgrU: 123,
  i16x8Q15MulrSatS: 130, i16x8NarrowI32x4S: 133, i16x8NarrowI32x4U: 134,
  i16x8Add: 142, i16x8AddSatS: 143, i16x8AddSatU: 144, i16x8Sub: 145, i16x8SubSatS: 146, i16x8SubSatU: 147, i16x8Mul: 149,
  i16x8MinS: 150, i16x8MinU: 151, i16x8MaxS: 152, i16x8MaxU: 153, i16x8AvgrU: 155,
  i16x8ExtmulLowI8x16S: 156, i16x8ExtmulHighI8x16S: 157, i16x8ExtmulLowI8x16U: 158, i16x8ExtmulHighI8x16U: 159,
  i32x4Add: 174, i32x4Sub: 177, i32x4Mul: 181, i32x4MinS: 182, i32x4MinU: 183, i32x4MaxS: 184, i32x4MaxU: 185, i32x4DotI16x8S: 186,
  i32x4ExtmulLowI16x8S: 188, i32x4ExtmulHighI16x8S: 189, i32x4ExtmulLowI16x8U: 190, i32x4ExtmulHighI16x8U: 191,
  i64x2Add: 206, i64x2Sub: 209, i64x2Mul: 213,
  i64x2ExtmulLowI32x4S: 220, i64x2ExtmulHighI32x4S: 221, i64x2ExtmulLowI32x4U: 222, i64x2ExtmulHighI32x4U: 223,
  f32x4Add: 228, f32x4Sub: 229, f32x4Mul: 230, f32x4Div: 231, f32x4Min: 232, f32x4Max: 233, f32x4Pmin: 234, f32x4Pmax: 235,
  f64x2Add: 240, f64x2Sub: 241, f64x2Mul: 242, f64x2Div: 243, f64x2Min: 244, f64x2Max: 245, f64x2Pmin: 246, f64x2Pmax: 247,
} as const;

/** v128 → v128. */
export const V128_UNARY = {
  v128Not: 77,
  i8x16Abs: 96, i8x16Neg: 97, i8x16Popcnt: 98,
  i16x8ExtaddPairwiseI8x16S: 124, i16x8ExtaddPairwiseI8x16U: 125, i32x4ExtaddPairwiseI16x8S: 126, i32x4ExtaddPairwiseI16x8U: 127,
  i16x8Abs: 128, i16x8Neg: 129, i16x8ExtendLowI8x16S: 135, i16x8ExtendHighI8x16S: 136, i16x8ExtendLowI8x16U: 137, i16x8ExtendHighI8x16U: 138,
  i32x4Abs: 160, i32x4Neg: 161, i32x4ExtendLowI16x8S: 167, i32x4ExtendHighI16x8S: 168, i32x4ExtendLowI16x8U: 169, i32x4ExtendHighI16x8U: 170,
  i64x2Abs: 192, i64x2Neg: 193, i64x2ExtendLowI32x4S: 199, i64x2ExtendHighI32x4S: 200, i64x2ExtendLowI32x4U: 201, i64x2ExtendHighI32x4U: 202,
  f32x4Ceil: 103, f32x4Floor: 104, f32x4Trunc: 105, f32x4Nearest: 106, f64x2Ceil: 116, f64x2Floor: 117, f64x2Trunc: 122, f64x2Nearest: 148,
  f32x4Abs: 224, f32x4Neg: 225, f32x4Sqrt: 227, f64x2Abs: 236, f64x2Neg: 237, f64x2Sqrt: 239,
  i32x4TruncSatF32x4S: 248, i32x4TruncSatF32x4U: 249, f32x4ConvertI32x4S: 250, f32x4ConvertI32x4U: 251,
  i32x4TruncSatF64x2SZero: 252, f64x2ConvertLowI32x4S: 254, f32x4DemoteF64x2Zero: 94, f64x2PromoteLowF32x4: 95,
} as const;

/** v128 × i32 (shift count) → v128. */
export const V128_SHIFT = {
  i8x16Shl: 107, i8x16ShrS: 108, i8x16ShrU: 109, i16x8Shl: 139, i16x8ShrS: 140, i16x8ShrU: 141,
  i32x4Shl: 171, i32x4ShrS: 172, i32x4ShrU: 173, i64x2Shl: 203, i64x2ShrS: 204, i64x2ShrU: 205,
} as const;

/** v128 → i32. */
export const V128_TEST = {
  v128AnyTrue: 83, i8x16AllTrue: 99, i16x8AllTrue: 131, i32x4AllTrue: 163, i64x2AllTrue: 195,
  i8x16Bitmask: 100, i16x8Bitmask: 132, i32x4Bitmask: 164, i64x2Bitmask: 196,
} as const;

/** scalar → v128: name → [opcode, scalar type]. */
export const V128_SPLAT = {
  i8x16Splat: [15, 'i32'], i16x8Splat: [16, 'i32'], i32x4Splat: [17, 'i32'], i64x2Splat: [18, 'i64'], f32x4Splat: [19, 'f32'], f64x2Splat: [20, 'f64'],
} as const;

/** v128 with immediate lane → scalar: name → [opcode, scalar type]. */
export const V128_EXTRACT = {
  i8x16ExtractLaneS: [21, 'i32'], i8x16ExtractLaneU: [22, 'i32'], i16x8ExtractLaneS: [24, 'i32'], i16x8ExtractLaneU: [25, 'i32'],
  i32x4ExtractLane: [27, 'i32'], i64x2ExtractLane: [29, 'i64'], f32x4ExtractLane: [31, 'f32'], f64x2ExtractLane: [33, 'f64'],
} as const;

/** v128 × scalar with immediate lane → v128: name → [opcode, scalar type]. */
export const V128_REPLACE = {
  i8x16ReplaceLane: [23, 'i32'], i16x8ReplaceLane: [26, 'i32'], i32x4ReplaceLane: [28, 'i32'], i64x2ReplaceLane: [30, 'i64'],
  f32x4ReplaceLane: [32, 'f32'], f64x2ReplaceLane: [34, 'f64'],
} as const;
