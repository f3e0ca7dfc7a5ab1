/** The C expression grammar (C17, section 6.5), with gdb's `$register`, `x@n`, `'file.c'::name`, and the kernel's `container_of`, `offsetof`. */
import { ExpressionError, tokenize, type Token } from './lexer.ts';
import type { BinaryOperator, Node, TypeName, UnaryOperator } from './syntax.ts';

const LEVELS: readonly (readonly BinaryOperator[])[] = [
  ['||'], ['&&'], ['|'], ['^'], ['&'], ['==', '!='], ['<', '>', '<=', '>='], ['<<', '>>'], ['+', '-'], ['*', '/', '%'],
];
const UNARY: readonly UnaryOperator[] = ['-', '+', '~', '!', '*', '&'];
const TYPE_WORDS = new Set([
  'void', 'char', 'short', 'int', 'long', 'float', 'double', 'signed', 'unsigned', '_Bool', 'bool', 'struct', 'union', 'enum', 'const', 'volatile', '__signed__',
]);
const QUALIFIERS = new Set(['const', 'volatile', 'restrict', '__restrict', '__user', '__iomem', '__percpu', '__rcu']);
const TAGGED = new Set(['struct', 'union', 'enum']);
const DEEPEST = 200;

/** `isType` tells names of types from those of variables. @throws ExpressionError */
export function parseExpression(text: string, isType: (name: string) => boolean): Node {
  const parser = new Parser(tokenize(text), isType);
  const node = parser.assignment();
  parser.expectEnd();
  return node;
}

/** `struct task_struct *`, `unsigned long [4]`. @throws ExpressionError */
export function parseTypeName(text: string, isType: (name: string) => boolean): TypeName {
  const parser = new Parser(tokenize(text), isType);
  const type = parser.typeName();
  parser.expectEnd();
  return type;
}

class Parser {
  private readonly tokens: readonly Token[];
  private readonly isType: (name: string) => boolean;
  private position = 0;
  private depth = 0;

  constructor(tokens: readonly Token[], isType: (name: string) => boolean) {
    this.tokens = tokens;
    this.isType = isType;
  }

  private get token(): Token {
    return this.tokens[this.position];
  }

  private get text(): string {
    const { token } = this;
    return 'text' in token ? token.text : '';
  }

  private isOperator(text: string): boolean {
    return this.token.kind === 'operator' && this.text === text;
  }

  private take(text: string): boolean {
    if (!this.isOperator(text)) return false;
    this.position++;
    return true;
  }

  private expect(text: string): void {
    if (!this.take(text)) throw new ExpressionError(`'${text}' expected before ${this.describe()}`);
  }

  private describe(): string {
    return this.token.kind === 'end' ? 'the end' : `'${'text' in this.token ? this.token.text : this.token.value}'`;
  }

  private name(): string {
    if (this.token.kind !== 'name') throw new ExpressionError(`a name expected before ${this.describe()}`);
    const { text } = this;
    this.position++;
    return text;
  }

  expectEnd(): void {
    if (this.token.kind !== 'end') throw new ExpressionError(`${this.describe()} is not expected here`);
  }

  assignment(): Node {
    if (++this.depth > DEEPEST) throw new ExpressionError('the expression is nested too deeply');
    const target = this.conditional();
    const { text } = this;
    let node = target;
    if (this.take('=')) node = { kind: 'assign', target, operator: undefined, value: this.assignment() };
    else if (this.token.kind === 'operator' && /^(<<|>>|[-+*/%&|^])=$/.test(text)) {
      this.position++;
      const operator = LEVELS.flat().find((each) => each === text.slice(0, -1));
      node = { kind: 'assign', target, operator, value: this.assignment() };
    }
    this.depth--;
    return node;
  }

  private conditional(): Node {
    const test = this.binary(0);
    if (!this.take('?')) return test;
    const yes = this.assignment();
    this.expect(':');
    return { kind: 'conditional', test, yes, no: this.conditional() };
  }

  private binary(level: number): Node {
    if (level === LEVELS.length) return this.repeat();
    let left = this.binary(level + 1);
    for (;;) {
      const operator = this.token.kind === 'operator' ? LEVELS[level].find((each) => each === this.text) : undefined;
      if (operator === undefined) return left;
      this.position++;
      left = { kind: 'binary', operator, left, right: this.binary(level + 1) };
    }
  }

  private repeat(): Node {
    const object = this.unary();
    return this.take('@') ? { kind: 'repeat', object, count: this.unary() } : object;
  }

  private unary(): Node {
    if (++this.depth > DEEPEST) throw new ExpressionError('the expression is nested too deeply');
    const node = this.unaryInside();
    this.depth--;
    return node;
  }

  private unaryInside(): Node {
    const operator = this.token.kind === 'operator' ? UNARY.find((each) => each === this.text) : undefined;
    if (operator !== undefined) {
      this.position++;
      return { kind: 'unary', operator, operand: this.unary() };
    }
    if (this.token.kind === 'name' && this.text === 'sizeof') return this.sizeof();
    if (this.isOperator('(') && this.startsType(this.position + 1)) {
      this.position++;
      const type = this.typeName();
      this.expect(')');
      return { kind: 'cast', type, operand: this.unary() };
    }
    if (this.take('{')) {
      // gdb's `{type} address`.
      const type = this.typeName();
      this.expect('}');
      return { kind: 'unary', operator: '*', operand: { kind: 'cast', type: { ...type, pointers: type.pointers + 1 }, operand: this.unary() } };
    }
    return this.postfix(this.primary());
  }

  private sizeof(): Node {
    this.position++;
    if (this.isOperator('(') && this.startsType(this.position + 1)) {
      this.position++;
      const type = this.typeName();
      this.expect(')');
      return { kind: 'sizeof', type, operand: undefined };
    }
    return { kind: 'sizeof', type: undefined, operand: this.unary() };
  }

  private postfix(start: Node): Node {
    let node = start;
    for (;;) {
      if (this.take('[')) {
        const index = this.assignment();
        this.expect(']');
        node = { kind: 'index', object: node, index };
      } else if (this.take('.')) node = { kind: 'member', object: node, name: this.name(), arrow: false };
      else if (this.take('->')) node = { kind: 'member', object: node, name: this.name(), arrow: true };
      else if (this.take('(')) {
        const args: Node[] = [];
        if (!this.take(')')) {
          do args.push(this.assignment()); while (this.take(','));
          this.expect(')');
        }
        node = { kind: 'call', callee: node, arguments: args };
      } else return node;
    }
  }

  private primary(): Node {
    const { token } = this;
    switch (token.kind) {
      case 'number': this.position++; return { kind: 'integer', value: token.value, suffix: token.suffix, decimal: token.decimal };
      case 'float': this.position++; return { kind: 'float', value: token.value };
      case 'character': this.position++; return { kind: 'character', value: token.value };
      case 'register': this.position++; return { kind: 'register', name: token.text };
      case 'string': {
        this.position++;
        return this.take('::') ? { kind: 'name', name: this.name(), scope: token.text } : { kind: 'string', text: token.text };
      }
      case 'name': return this.named();
      default:
        if (this.take('(')) {
          const node = this.assignment();
          this.expect(')');
          return node;
        }
        throw new ExpressionError(token.kind === 'end' ? 'an expression is missing' : `${this.describe()} is not expected here`);
    }
  }

  private named(): Node {
    const name = this.name();
    if (name === 'container_of' || name === 'list_entry' || name === 'rb_entry') {
      this.expect('(');
      const pointer = this.assignment();
      this.expect(',');
      const type = this.typeName();
      this.expect(',');
      const member = this.memberPath();
      this.expect(')');
      return { kind: 'containerOf', pointer, type, member };
    }
    if (name === 'offsetof' || name === '__builtin_offsetof') {
      this.expect('(');
      const type = this.typeName();
      this.expect(',');
      const member = this.memberPath();
      this.expect(')');
      return { kind: 'offsetof', type, member };
    }
    if (this.take('::')) return { kind: 'name', name: this.name(), scope: name };
    return { kind: 'name', name, scope: undefined };
  }

  private memberPath(): string {
    const names = [this.name()];
    while (this.take('.')) names.push(this.name());
    return names.join('.');
  }

  private startsType(position: number): boolean {
    const token = this.tokens[position];
    return token?.kind === 'name' && (TYPE_WORDS.has(token.text) || QUALIFIERS.has(token.text) || (this.isType(token.text) && this.endsType(position + 1)));
  }

  /** Behind a name that might be a type's: what makes `(name)` a cast. */
  private endsType(position: number): boolean {
    const token = this.tokens[position];
    return token?.kind === 'operator' && (token.text === '*' || token.text === ')' || token.text === '}' || token.text === ',' || token.text === '[');
  }

  typeName(): TypeName {
    const words: string[] = [];
    while (this.token.kind === 'name') {
      const word = this.text;
      if (QUALIFIERS.has(word)) this.position++;
      else if (TAGGED.has(word) && words.length === 0) {
        this.position++;
        words.push(word, this.name());
        break;
      } else if (TYPE_WORDS.has(word)) {
        words.push(word);
        this.position++;
      } else if (words.length === 0) {
        words.push(word);
        this.position++;
        break;
      } else break;
    }
    while (this.token.kind === 'name' && QUALIFIERS.has(this.text)) this.position++;
    if (words.length === 0) throw new ExpressionError(`a type expected before ${this.describe()}`);
    let pointers = 0;
    while (this.take('*')) {
      pointers++;
      while (this.token.kind === 'name' && QUALIFIERS.has(this.text)) this.position++;
    }
    const dimensions: number[] = [];
    while (this.take('[')) {
      const { token } = this;
      if (token.kind !== 'number') throw new ExpressionError('the length of an array expected');
      this.position++;
      dimensions.push(Number(token.value));
      this.expect(']');
    }
    return { base: words.join(' '), pointers, dimensions };
  }
}
