/** Expressions as trees. */
export interface TypeName {
  /** `struct list_head`, `unsigned long`, `u32` … */
  readonly base: string;
  readonly pointers: number;
  readonly dimensions: readonly number[];
}

export type BinaryOperator = '+' | '-' | '*' | '/' | '%' | '<<' | '>>' | '<' | '>' | '<=' | '>=' | '==' | '!=' | '&' | '^' | '|' | '&&' | '||';
export type UnaryOperator = '-' | '+' | '~' | '!' | '*' | '&';

export type Node =
  | { readonly kind: 'integer'; readonly value: bigint; readonly suffix: string; readonly decimal: boolean }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'character'; readonly value: bigint }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'name'; readonly name: string; readonly scope: string | undefined }
  | { readonly kind: 'register'; readonly name: string }
  | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly operand: Node }
  | { readonly kind: 'binary'; readonly operator: BinaryOperator; readonly left: Node; readonly right: Node }
  | { readonly kind: 'conditional'; readonly test: Node; readonly yes: Node; readonly no: Node }
  | { readonly kind: 'member'; readonly object: Node; readonly name: string; readonly arrow: boolean }
  | { readonly kind: 'index'; readonly object: Node; readonly index: Node }
  | { readonly kind: 'repeat'; readonly object: Node; readonly count: Node }
  | { readonly kind: 'cast'; readonly type: TypeName; readonly operand: Node }
  | { readonly kind: 'sizeof'; readonly type: TypeName | undefined; readonly operand: Node | undefined }
  | { readonly kind: 'offsetof'; readonly type: TypeName; readonly member: string }
  | { readonly kind: 'containerOf'; readonly pointer: Node; readonly type: TypeName; readonly member: string }
  | { readonly kind: 'call'; readonly callee: Node; readonly arguments: readonly Node[] }
  | { readonly kind: 'assign'; readonly target: Node; readonly operator: BinaryOperator | undefined; readonly value: Node };
