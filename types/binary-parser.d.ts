/** binary-parser's exports map names no types for ES modules; its CommonJS ones are right. */
declare module 'binary-parser' {
  export { Parser } from 'binary-parser/dist/binary_parser.js';
}
