/** The syntax tree of a template. Every statement has the line it starts on. */

export type Expression =
  | { readonly kind: 'const'; readonly value: null | boolean | bigint | number | string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'tuple' | 'list'; readonly items: readonly Expression[] }
  | { readonly kind: 'dict'; readonly entries: readonly (readonly [Expression, Expression])[] }
  | { readonly kind: 'conditional'; readonly test: Expression; readonly value: Expression; readonly else?: Expression }
  | { readonly kind: 'or' | 'and'; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: 'not'; readonly operand: Expression }
  | { readonly kind: 'negative' | 'positive'; readonly operand: Expression }
  | {
      readonly kind: 'compare';
      readonly first: Expression;
      readonly rest: readonly (readonly [CompareOperator, Expression])[];
    }
  | { readonly kind: 'concat'; readonly parts: readonly Expression[] }
  | { readonly kind: 'attribute'; readonly object: Expression; readonly name: string }
  | { readonly kind: 'item'; readonly object: Expression; readonly key: Expression }
  | { readonly kind: 'slice'; readonly object: Expression; readonly bounds: readonly (Expression | undefined)[] }
  | { readonly kind: 'call'; readonly callee: Expression; readonly arguments: Arguments }
  | FilterExpression
  | { readonly kind: 'test'; readonly value: Expression; readonly name: string; readonly arguments: Arguments };

export interface FilterExpression {
  readonly kind: 'filter';
  /** Missing where the filter takes the text of a block. */
  readonly value: Expression | undefined;
  readonly name: string;
  readonly arguments: Arguments;
}

export type BinaryOperator = '+' | '-' | '*' | '/' | '//' | '%' | '**';
export type CompareOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in';

export interface Arguments {
  readonly positional: readonly Expression[];
  readonly keywords: readonly (readonly [string, Expression])[];
  readonly spread: Expression | undefined;
  readonly keywordSpread: Expression | undefined;
}

export type Target =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'member'; readonly name: string; readonly attribute: string }
  | { readonly kind: 'tuple'; readonly items: readonly Target[] };

export interface Signature {
  readonly parameters: readonly string[];
  /** Defaults of the last parameters. */
  readonly defaults: readonly Expression[];
}

export type Body = readonly Statement[];

export type Statement = { readonly line: number } & StatementKind;

type StatementKind =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly values: readonly Expression[] }
  | ForStatement
  | IfStatement
  | { readonly kind: 'set'; readonly target: Target; readonly value: Expression }
  | {
      readonly kind: 'capture';
      readonly target: Target;
      readonly filter: FilterExpression | undefined;
      readonly body: Body;
    }
  | {
      readonly kind: 'with';
      readonly targets: readonly Target[];
      readonly values: readonly Expression[];
      readonly body: Body;
    }
  | MacroStatement
  | CallStatement
  | { readonly kind: 'filterBlock'; readonly filter: FilterExpression; readonly body: Body }
  /** transformers' mark of what the assistant wrote; it renders its body. */
  | { readonly kind: 'generation'; readonly signature: Signature; readonly body: Body }
  | { readonly kind: 'break' | 'continue' };

export interface ForStatement {
  readonly kind: 'for';
  readonly target: Target;
  readonly iterable: Expression;
  readonly filter: Expression | undefined;
  readonly recursive: boolean;
  readonly body: Body;
  readonly otherwise: Body;
}

export interface IfStatement {
  readonly kind: 'if';
  readonly test: Expression;
  readonly body: Body;
  readonly elseIfs: readonly { readonly test: Expression; readonly body: Body }[];
  readonly otherwise: Body;
}

export interface MacroStatement {
  readonly kind: 'macro';
  readonly name: string;
  readonly signature: Signature;
  readonly body: Body;
}

export interface CallStatement {
  readonly kind: 'call';
  readonly signature: Signature;
  readonly call: Extract<Expression, { kind: 'call' }>;
  readonly body: Body;
}
