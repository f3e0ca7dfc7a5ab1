/** Agent expressions' operations (gdb manual, appendix "The GDB Agent Expression Mechanism"): codes and the bytes of their operands. */

export const AgentOp = {
  float: 0x01, add: 0x02, sub: 0x03, mul: 0x04, divSigned: 0x05, divUnsigned: 0x06, remSigned: 0x07, remUnsigned: 0x08, lsh: 0x09, rshSigned: 0x0a, rshUnsigned: 0x0b,
  trace: 0x0c, traceQuick: 0x0d, logNot: 0x0e, bitAnd: 0x0f, bitOr: 0x10, bitXor: 0x11, bitNot: 0x12, equal: 0x13, lessSigned: 0x14, lessUnsigned: 0x15, ext: 0x16,
  ref8: 0x17, ref16: 0x18, ref32: 0x19, ref64: 0x1a, refFloat: 0x1b, refDouble: 0x1c, refLongDouble: 0x1d, lToD: 0x1e, dToL: 0x1f,
  ifGoto: 0x20, goto: 0x21, const8: 0x22, const16: 0x23, const32: 0x24, const64: 0x25, reg: 0x26, end: 0x27, dup: 0x28, pop: 0x29, zeroExt: 0x2a, swap: 0x2b,
  getv: 0x2c, setv: 0x2d, tracev: 0x2e, tracenz: 0x2f, trace16: 0x30, pick: 0x32, rot: 0x33, printf: 0x34,
} as const;

/** Names for messages, by code. */
export const AGENT_OP_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(AgentOp).map(([name, code]) => [code, name]));

/** Operations which collect for tracepoints, or are reserved: none of them makes sense in a condition or command. */
export const UNSUPPORTED_OPS: ReadonlySet<number> = new Set([
  AgentOp.float, AgentOp.trace, AgentOp.traceQuick, AgentOp.refFloat, AgentOp.refDouble, AgentOp.refLongDouble, AgentOp.lToD, AgentOp.dToL,
  AgentOp.tracev, AgentOp.tracenz, AgentOp.trace16,
]);
