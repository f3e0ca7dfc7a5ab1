import { expect, it } from 'vitest';
import { LcovError, readLcov } from './lcov-file.ts';

const RECORD = ['TN:', 'SF:/k/init/main.c', 'FN:10,start_kernel', 'FN:3,early', 'FNDA:1,start_kernel', 'FNF:2', 'FNH:1', 'BRDA:12,0,0,3', 'BRDA:12,0,1,-', 'BRF:2', 'BRH:1', 'DA:12,7', 'DA:11,0', 'LF:2', 'LH:1', 'end_of_record', ''];

it('reads lines, functions and branches', () => {
  expect(readLcov(RECORD.join('\n'))).toEqual([{
    path: '/k/init/main.c', lines: [[11, 0], [12, 7]], functions: [{ name: 'early', line: 3, count: 0 }, { name: 'start_kernel', line: 10, count: 1 }],
    branches: [{ line: 12, count: 3 }, { line: 12, count: undefined }],
  }]);
  expect(readLcov('')).toEqual([]);
});

it.each([
  ['another tag', ['XX:1']], ['lines of no file', ['DA:1,2']], ['a count that is none', ['SF:a', 'DA:1,x', 'end_of_record']], ['no end', ['SF:a', 'DA:1,2']], ['text', ['hello']], ['a function without a name', ['SF:a', 'FN:x', 'end_of_record']],
])('refuses %s', (_, lines) => {
  expect(() => readLcov(lines.join('\n'))).toThrow(LcovError);
});
