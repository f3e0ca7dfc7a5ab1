/** Numbers of the DWARF standard (versions 2 to 5, section 7) and of the GNU extensions gcc emits. */

export const Tag = {
  arrayType: 0x01, classType: 0x02, enumerationType: 0x04, formalParameter: 0x05, label: 0x0a, lexicalBlock: 0x0b, member: 0x0d, pointerType: 0x0f,
  referenceType: 0x10, compileUnit: 0x11, structureType: 0x13, subroutineType: 0x15, typedef: 0x16, unionType: 0x17, unspecifiedParameters: 0x18,
  inheritance: 0x1c, inlinedSubroutine: 0x1d, subrangeType: 0x21, baseType: 0x24, constType: 0x26, enumerator: 0x28, subprogram: 0x2e, variable: 0x34,
  volatileType: 0x35, restrictType: 0x37, unspecifiedType: 0x3b, partialUnit: 0x3c, typeUnit: 0x41, rvalueReferenceType: 0x42, atomicType: 0x47,
  callSite: 0x48, callSiteParameter: 0x49, skeletonUnit: 0x4a, gnuCallSite: 0x4109, gnuCallSiteParameter: 0x410a,
} as const;

export const Attribute = {
  sibling: 0x01, location: 0x02, name: 0x03, byteSize: 0x0b, bitOffset: 0x0c, bitSize: 0x0d, statementList: 0x10, lowPc: 0x11, highPc: 0x12, language: 0x13,
  compilationDirectory: 0x1b, constValue: 0x1c, inline: 0x20, lowerBound: 0x22, producer: 0x25, prototyped: 0x27, upperBound: 0x2f, abstractOrigin: 0x31,
  artificial: 0x34, count: 0x37, dataMemberLocation: 0x38, declarationFile: 0x3a, declarationLine: 0x3b, declaration: 0x3c, encoding: 0x3e, external: 0x3f,
  frameBase: 0x40, specification: 0x47, type: 0x49, entryPc: 0x52, ranges: 0x55, callColumn: 0x57, callFile: 0x58, callLine: 0x59, signature: 0x69,
  dataBitOffset: 0x6b, stringOffsetsBase: 0x72, addressBase: 0x73, rangeListsBase: 0x74, dwoName: 0x76, callReturnPc: 0x7d, callValue: 0x7e, callOrigin: 0x7f, callTailCall: 0x82, callTarget: 0x83,
   locationListsBase: 0x8c, gnuCallSiteValue: 0x2111, gnuCallSiteTarget: 0x2113, gnuTailCall: 0x2115, gnuDwoName: 0x2130,
} as const;

export const Form = {
  address: 0x01, block2: 0x03, block4: 0x04, data2: 0x05, data4: 0x06, data8: 0x07, string: 0x08, block: 0x09, block1: 0x0a, data1: 0x0b, flag: 0x0c,
  sdata: 0x0d, strp: 0x0e, udata: 0x0f, refAddr: 0x10, ref1: 0x11, ref2: 0x12, ref4: 0x13, ref8: 0x14, refUdata: 0x15, indirect: 0x16, sectionOffset: 0x17,
  expression: 0x18, flagPresent: 0x19, strx: 0x1a, addrx: 0x1b, refSup4: 0x1c, strpSup: 0x1d, data16: 0x1e, lineStrp: 0x1f, refSignature: 0x20,
  implicitConst: 0x21, loclistx: 0x22, rnglistx: 0x23, refSup8: 0x24, strx1: 0x25, strx2: 0x26, strx3: 0x27, strx4: 0x28, addrx1: 0x29, addrx2: 0x2a,
  addrx3: 0x2b, addrx4: 0x2c, gnuAddressIndex: 0x1f01, gnuStringIndex: 0x1f02, gnuReferenceAlt: 0x1f20, gnuStrpAlt: 0x1f21,
} as const;

export const UnitType = { compile: 1, type: 2, partial: 3, skeleton: 4, splitCompile: 5, splitType: 6 } as const;

/** DW_ATE_…: how the bits of a base type are meant. */
export const Encoding = {
  address: 1, boolean: 2, complexFloat: 3, float: 4, signed: 5, signedChar: 6, unsigned: 7, unsignedChar: 8, utf: 0x10,
} as const;
